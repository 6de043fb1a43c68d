"""Windows of the latent cache: T frames of one episode, a frame interval apart."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.errors import ParamsError
from pipeline.latents.cache import LatentCache
from pipeline.latents.cameras import motions, with_motions
from pipeline.latents.split_rows import latents_apart


def slices(lengths: Sequence[int], span: int) -> NDArray[np.int64]:
    """Every window of `span` raw steps, as rows (episode, start): all starts 0..length - span.

    A window of T frames spans T x interval raw steps, not (T - 1) x interval + 1: the action chunk
    of its last frame belongs to it (world_model_dataset.py of the reference).
    """
    rows = [(i, start) for i, length in enumerate(lengths) for start in range(length - span + 1)]
    return np.array(rows, np.int64).reshape(-1, 2)


def fixed_subset(count: int, size: int, seed: int) -> NDArray[np.int64]:
    """The reference's fixed validation clips: `size` distinct indices below `count`, or all."""
    subset = np.random.RandomState(seed).choice(count, min(size, count), replace=False)
    return subset.astype(np.int64)


class Windows:
    """The windows of one split of a cache; indexable by row, read in batches."""

    def __init__(
        self,
        cache: LatentCache,
        split: str,
        frames: int,
        interval: int,
        place: str = "train.frames",
        *,
        every: bool = True,
    ) -> None:
        """List the windows; `place` is the param that an error should name.

        With encode.stride > 1, windows begin at frames that have latents.

        Raises:
            ParamsError: an episode (if not `every`: the longest) is shorter than a window, or
                encode.stride does not divide the frame interval.
        """
        self.cache, self.frames, self.interval = cache, frames, interval
        self._apart = latents_apart(cache, interval)
        self.episodes = cache.episodes(split)
        lengths = [cache.seal.episodes[episode].length for episode in self.episodes]
        span = frames * interval
        if (min if every else max)(lengths) < span:
            kind, length = ("shortest", min(lengths)) if every else ("longest", max(lengths))
            raise ParamsError(
                f"{place} x interval = {frames} x {interval} = {span}, but the {kind} episode in "
                f"{cache.path} has {length} frames; "
                "lower one of them, or have ingest.shortest leave such episodes out"
            )
        rows = slices(lengths, span)
        rows = rows[rows[:, 1] % cache.spec.stride == 0]
        self.rows = np.stack([np.array(self.episodes)[rows[:, 0]], rows[:, 1]], 1)

    def __len__(self) -> int:
        """Number of windows."""
        return len(self.rows)

    def frame_indices(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Frames of windows `rows` [B], as indices [B, T] into all frames of the store."""
        episodes, starts = self.rows[rows].T
        first = self.cache.starts[episodes] + starts
        return first[:, None] + np.arange(self.frames) * self.interval

    def latent_indices(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Latents of windows `rows` [B], as indices [B, T] into all latents of the store."""
        episodes, starts = self.rows[rows].T
        first = self.cache.latent_starts[episodes] + starts // self.cache.spec.stride
        return first[:, None] + np.arange(self.frames) * self._apart

    def actions(self, rows: NDArray[np.int64]) -> Tensor:
        """Raw actions of windows `rows` [B], float32 [B, T, interval, A] in the world's units.

        If the cache gives cameras, each action is followed by the motion of the camera from its
        frame to the next, [B, T, interval, A + MOTION].
        """
        frames = self.frame_indices(rows)  # [B, T]
        actions = self.cache.actions[frames[:, :, None] + np.arange(self.interval)]
        if self.cache.gives_cameras:
            actions = with_motions(actions, motions(self.cache.cameras[frames]))
        return torch.from_numpy(actions)

    def latents(self, rows: NDArray[np.int64], generator: torch.Generator | None) -> Tensor:
        """Whitened latents [B, T, C, h, w]; `generator` samples posteriors, None takes means."""
        return self.cache.latents(self.latent_indices(rows), generator)

    def sample(self, rows: NDArray[np.int64], noise: Tensor | None) -> Tensor:
        """Whitened latents [B, T, C, h, w] by noise of that shape, which is overwritten."""
        return self.cache.sample(self.latent_indices(rows), noise)
