"""Mean, std and rounding error of stored latents, accumulated over shards."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipeline.latents.channel_std import Moments, alive, channel_std

CACHED = 2**17
"""Float64 numbers summed at once: 1 MB, which fits into the processor's cache."""


class LatentStatistics:
    """Sums per channel, float64 [C], in a fixed order: a resumed run gets the same results.

    Attributes:
        total: sum of the posterior means of the train split.
        squares: sum of their squares, plus the posterior variances.
        count: number of values in these sums, per channel.
        error: sum of squares of stored minus encoded means, over both splits.
        compared: number of values in that sum, per channel.
    """

    def __init__(self, channels: int) -> None:
        """Start at zero."""
        self.total, self.squares, self.error = np.zeros((3, channels))
        self.count = self.compared = 0

    def add(self, mean: Tensor, std: Tensor | None) -> None:
        """Add stored latents [B, C, h, w]; the expected square of a sample is mean^2 + std^2."""
        self.count += mean.numel() // mean.shape[1]
        for parts in _parts(mean) if std is None else _parts(mean, std):
            self.total += _summed(parts[0])
            self.squares += sum(_summed(part.square_()) for part in parts)

    def compare(self, stored: Tensor, encoded: Tensor) -> None:
        """Add the rounding errors of stored latents, both [B, C, h, w]."""
        self.compared += stored.numel() // stored.shape[1]
        for ours, exact in _parts(stored, encoded):
            self.error += _summed(ours.sub_(exact).square_())

    def mean(self) -> Moments:
        """Mean per channel [C]."""
        return self.total / max(self.count, 1)

    def alive(self) -> NDArray[np.bool_]:
        """Which channels [C] vary, as `pipeline.latents.channel_std.alive` defines it."""
        return alive(*self._moments())

    def std(self) -> Moments:
        """Standard deviation per channel [C], with a substitute for dead ones."""
        return channel_std(*self._moments())

    def _moments(self) -> tuple[Moments, Moments]:
        """Variances and mean squares per channel [C]; a variance may be rounded below 0."""
        squares = self.squares / max(self.count, 1)
        return squares - self.mean() ** 2, squares

    def rounding_error(self) -> float | None:
        """RMS error of storing, relative to the std of channels that vary; None if none does."""
        varies = self.alive()
        if not varies.any():
            return None
        shares = self.error[varies] / self.std()[varies] ** 2
        return float(np.sqrt(np.mean(shares) / max(self.compared, 1)))

    def as_json(self) -> dict[str, Any]:
        """The sums and counts; JSON keeps float64 exactly."""
        sums = {name: getattr(self, name).tolist() for name in ("total", "squares", "error")}
        return {**sums, "count": self.count, "compared": self.compared}


def _parts(*latents: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Copies in float64, of as many frames at a time as fit into the processor's cache."""
    frames = max(1, CACHED // latents[0][0].numel())
    for parts in zip(*(one.split(frames) for one in latents), strict=True):
        yield tuple(part.double() for part in parts)


def _summed(latents: Tensor) -> Moments:
    """Sum per channel [C] of latents [B, C, h, w]."""
    return latents.sum((0, 2, 3)).numpy()


def merge(shards: Iterable[dict[str, Any]], channels: int) -> LatentStatistics:
    """Sum of the statistics of shards, each from `as_json`, in their order."""
    whole = LatentStatistics(channels)
    for shard in shards:
        for name in ("total", "squares", "error", "count", "compared"):
            setattr(whole, name, getattr(whole, name) + np.array(shard[name])[()])
    return whole
