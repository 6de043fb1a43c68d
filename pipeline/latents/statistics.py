"""Statistics of latents as they are stored, summed up over shards."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipeline.latents import channel_std as spread
from pipeline.latents.channel_std import Moments

CACHED = 2**17
"""Numbers of float64, 1 MB: latents are summed while they are there."""


class LatentStatistics:
    """Sums per channel [C] in float64, so exact and in one order that a resumed run ends alike.

    Attributes:
        total: of samples of latents of the train split.
        squares: of their squares.
        count: how many these were, a channel.
        error: squares of stored minus encoded means, over both splits.
        seen: how many these were, a channel.
    """

    def __init__(self, channels: int) -> None:
        """Start with nothing counted."""
        self.total, self.squares, self.error = np.zeros((3, channels))
        self.count = self.seen = 0

    def add(self, mean: Tensor, std: Tensor | None) -> None:
        """Count stored latents [B, C, h, w]; a sample's expected square is mean^2 + std^2."""
        self.count += mean.numel() // mean.shape[1]
        for parts in _parts(mean) if std is None else _parts(mean, std):
            self.total += _summed(parts[0])
            self.squares += sum(_summed(part.square_()) for part in parts)

    def compare(self, stored: Tensor, encoded: Tensor) -> None:
        """Count what storing changed, [B, C, h, w]."""
        self.seen += stored.numel() // stored.shape[1]
        for kept, made in _parts(stored, encoded):
            self.error += _summed(kept.sub_(made).square_())

    def mean(self) -> Moments:
        """Mean per channel [C]."""
        return self.total / max(self.count, 1)

    def alive(self) -> NDArray[np.bool_]:
        """Which channels [C] vary: see `pipeline.latents.channel_std.alive`."""
        return spread.alive(*self._moments())

    def std(self) -> Moments:
        """Standard deviation per channel [C], and a unit for dead ones."""
        return spread.spread(*self._moments())

    def _moments(self) -> tuple[Moments, Moments]:
        """Variances and mean squares per channel [C]; rounding may bring a variance below 0."""
        squares = self.squares / max(self.count, 1)
        return squares - self.mean() ** 2, squares

    def rounding_error(self) -> float | None:
        """Root mean square of what storing changed, as a share of each living channel's spread.

        None where all are dead.
        """
        alive = self.alive()
        if not alive.any():
            return None
        shares = self.error[alive] / self.std()[alive] ** 2
        return float(np.sqrt(np.mean(shares) / max(self.seen, 1)))

    def as_json(self) -> dict[str, Any]:
        """Numbers that JSON holds exactly."""
        sums = {name: getattr(self, name).tolist() for name in ("total", "squares", "error")}
        return {**sums, "count": self.count, "seen": self.seen}


def _parts(*latents: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Copies in float64 of as many frames at a time as the processor's cache holds."""
    frames = max(1, CACHED // latents[0][0].numel())
    for parts in zip(*(one.split(frames) for one in latents), strict=True):
        yield tuple(part.double() for part in parts)


def _summed(latents: Tensor) -> Moments:
    """Latents [B, C, h, w] summed up per channel."""
    return latents.sum((0, 2, 3)).numpy()


def merged(tallies: Iterable[dict[str, Any]], channels: int) -> LatentStatistics:
    """The sum of tallies that were written as JSON, in their order."""
    whole = LatentStatistics(channels)
    for each in tallies:
        for name in ("total", "squares", "error", "count", "seen"):
            setattr(whole, name, getattr(whole, name) + np.array(each[name])[()])
    return whole
