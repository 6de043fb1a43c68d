"""What a probe is fitted to: frames with latents, and pairs of a frame and a goal after it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.errors import DataError, ParamsError
from pipeline.latents.cache import LatentCache
from pipeline.latents.split_rows import latents_apart, split_rows

Coordinates = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""`World.coordinates`: states [N, S] to coordinates [N, D]."""


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames of a split that have latents.

    Attributes:
        cache: where their latents are.
        latents: rows of their latents in the cache, [N].
        steps: rows of their actions in the cache, [N].
        left: frames with latents that follow in the episode, [N].
        coordinates: float32 [N, D] in the world's units.
    """

    cache: LatentCache
    latents: NDArray[np.int64]
    steps: NDArray[np.int64]
    left: NDArray[np.int64]
    coordinates: Tensor

    def __len__(self) -> int:
        """Their number."""
        return len(self.latents)


def frames_of(cache: LatentCache, split: str, coordinates: Coordinates) -> Frames:
    """The frames of a split.

    Raises:
        DataError: it has no episode.
    """
    rows = split_rows(cache, split)
    if not len(rows.latents):
        raise DataError(
            f"{cache.path}: no episode of the {split} split, so no probe can be fitted or scored; "
            "change ingest.train_share"
        )
    read = torch.from_numpy(coordinates(cache.states[rows.steps]))
    return Frames(cache, rows.latents, rows.steps, rows.left, read)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Frames, goals that their own episodes reach later, and the actions on the way.

    Attributes:
        frames: both frames of a pair are of these.
        interval: environment steps of a model frame.
        apart: latents from one model frame to the next.
        farthest: most model frames between the two, H.
        starts: indices into `frames` after which a goal comes.
    """

    frames: Frames
    interval: int
    apart: int
    farthest: int
    starts: NDArray[np.int64]

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Random pairs: frame and goal as indices into `frames`, model frames between, [B] each."""
        draws = torch.rand(2, count, generator=generator).numpy()
        now = self.starts[(draws[0] * len(self.starts)).astype(np.int64)]
        most = np.minimum(self.frames.left[now] // self.apart, self.farthest)
        between = 1 + (draws[1] * most).astype(np.int64)
        goal = now + between * self.apart
        return torch.from_numpy(now), torch.from_numpy(goal), torch.from_numpy(between)

    def actions(self, now: Tensor) -> Tensor:
        """The actions after frames [B], standardised: [B, H, interval x A].

        Those after the end of a frame's episode are of another one, and not to be used.
        """
        cache = self.frames.cache
        ahead = np.arange(self.farthest * self.interval)
        rows = self.frames.steps[now.numpy()][:, None] + ahead
        actions = torch.from_numpy(cache.actions[rows.clip(max=len(cache.actions) - 1)])
        return cache.spec.standardise_actions(actions).unflatten(1, (self.farthest, -1)).flatten(2)


def pairs_of(frames: Frames, interval: int, farthest: int) -> Pairs:
    """The pairs of frames of a split, at most `farthest` model frames apart, or as episodes allow.

    Raises:
        ParamsError: every episode is shorter than two model frames, or encode.stride does not
            divide the frame interval.
    """
    cache = frames.cache
    apart = latents_apart(cache, interval)
    model_frames = frames.left // apart
    longest = int(model_frames.max())
    if not longest:
        raise ParamsError(
            f"train.interval = {interval}, but no episode in {cache.path} is longer than that, so "
            "the inverse model has no goal to learn from; lower it, or record longer episodes"
        )
    return Pairs(frames, interval, apart, min(farthest, longest), np.flatnonzero(model_frames))
