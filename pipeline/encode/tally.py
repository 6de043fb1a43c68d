"""Statistics of latents as they are stored, summed up over shards."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import spread
from pipeline.spread import Moments


class Tally:
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

    def add(self, mean: NDArray[np.float32], std: NDArray[np.float32] | None) -> None:
        """Count stored latents [B, C, h, w]; a sample's expected square is mean^2 + std^2."""
        squares = mean.astype(np.float64) ** 2
        if std is not None:
            squares += std.astype(np.float64) ** 2
        self.count += mean.size // mean.shape[1]
        self.total += mean.sum((0, 2, 3), dtype=np.float64)
        self.squares += squares.sum((0, 2, 3))

    def compare(self, stored: NDArray[np.float32], encoded: NDArray[np.float32]) -> None:
        """Count what storing changed, [B, C, h, w]."""
        self.seen += stored.size // stored.shape[1]
        self.error += np.square(stored.astype(np.float64) - encoded).sum((0, 2, 3))

    def mean(self) -> Moments:
        """Mean per channel [C]."""
        return self.total / max(self.count, 1)

    def alive(self) -> NDArray[np.bool_]:
        """Which channels [C] vary: see `pipeline.spread.alive`."""
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


def merged(tallies: Iterable[dict[str, Any]], channels: int) -> Tally:
    """The sum of tallies that were written as JSON, in their order."""
    whole = Tally(channels)
    for each in tallies:
        for name in ("total", "squares", "error", "count", "seen"):
            setattr(whole, name, getattr(whole, name) + np.array(each[name])[()])
    return whole
