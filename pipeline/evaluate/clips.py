"""The fixed validation clips: their true frames, latents and actions."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.dynamics import Shape
from pipeline.episodes import shards
from pipeline.episodes.episode import Meta
from pipeline.episodes.resize import Preprocessing
from pipeline.evaluate import Options
from pipeline.latents.cache import LatentCache
from pipeline.latents.validation_clips import fixed_rows
from pipeline.latents.windows import Windows


@dataclass(frozen=True, slots=True)
class Clips:
    """B clips of T frames.

    Attributes:
        latents: whitened posterior means [B, T, C, h, w].
        actions: [B, T, interval, A] in the world's units.
        frames: uint8 [B, T, 3, h, w], as recorded.
        view: brings them to the H x W pixels that the encoder sees.
        states: float32 [B, T, S] of the world; S is 0 where a data set has none.
        metas: of the episode of each clip.
    """

    latents: Tensor
    actions: Tensor
    frames: Tensor
    view: Preprocessing
    states: NDArray[np.float32]
    metas: tuple[Meta, ...]

    def __len__(self) -> int:
        """Number of clips B."""
        return len(self.latents)

    def part(self, start: int, stop: int) -> "Clips":
        """Clips start..stop - 1."""
        return self._of(np.arange(len(self))[start:stop])

    def repeated(self, times: int) -> "Clips":
        """Each clip so many times, one after another: for samples of equal conditions."""
        return self._of(np.arange(len(self)).repeat(times))

    def _of(self, rows: NDArray[np.int64]) -> "Clips":
        metas = tuple(self.metas[row] for row in rows)
        tensors = self.latents[rows], self.actions[rows], self.frames[rows]
        return Clips(*tensors, self.view, self.states[rows], metas)

    def pixels(self) -> Tensor:
        """The frames as the encoder sees them, float32 [B, T, 3, H, W] in 0..1, not rounded."""
        return self.view.to_float(self.frames.flatten(0, 1)).unflatten(0, self.frames.shape[:2])

    def seen(self) -> Tensor:
        """The frames as the encoder sees them, uint8 [B, T, 3, H, W]."""
        return self.pixels().mul(255).round().to(torch.uint8)


def select(cache: LatentCache, folder: Path, model: Shape, options: Options) -> tuple[Clips, Clips]:
    """The fixed clips, one window long, and the longer ones for dreams, as the model whitens.

    Raises:
        ParamsError: no frame is left to generate, or there are too few windows.
    """
    options.check_context(model.frames)
    cache = cache.whitened_by(model.spec)
    windows = Windows(cache, "val", model.frames, model.interval)
    fixed = fixed_clips(windows, folder, options.clips, options.seed)
    place = "evaluate.dream_frames"
    long = Windows(cache, "val", options.dream_frames, model.interval, place, every=False)
    return fixed, dream_clips(long, folder, options.dreams)


def fixed_clips(windows: Windows, folder: Path, count: int, seed: int) -> Clips:
    """`count` clips, picked from the validation windows as in the reference.

    Raises:
        ParamsError: there are fewer, or fewer than two, so that none can have another's actions.
    """
    return read_clips(windows, folder, fixed_rows(windows, count, seed, "evaluate.clips", least=2))


def dream_clips(windows: Windows, folder: Path, count: int) -> Clips:
    """The first window of each of the first `count` validation episodes."""
    firsts = np.flatnonzero(windows.rows[:, 1] == 0)[:count]
    return read_clips(windows, folder, firsts.astype(np.int64))


def read_clips(windows: Windows, folder: Path, rows: NDArray[np.int64]) -> Clips:
    """Clips of some windows; frames and states are the recorded ones, read from shards."""
    keys = [windows.cache.seal.episodes[episode].key for episode in windows.rows[rows, 0]]
    frames, states, metas = dict[int, Tensor](), dict[int, NDArray[np.float32]](), {}
    for episode in shards.select(folder, keys):
        for clip, key in enumerate(keys):
            if key == episode.key:
                start = windows.rows[rows[clip], 1]
                stop = start + windows.frames * windows.interval
                shown = slice(start, stop, windows.interval)
                taken = episode.frames[shown].transpose(0, 3, 1, 2)
                frames[clip] = torch.from_numpy(np.ascontiguousarray(taken))
                states[clip], metas[clip] = episode.states[shown], episode.meta
    order = range(len(rows))
    return Clips(
        windows.latents(rows, None),
        windows.actions(rows),
        torch.stack([frames[clip] for clip in order]),
        windows.cache.spec.view,
        np.stack([states[clip] for clip in order]),
        tuple(metas[clip] for clip in order),
    )
