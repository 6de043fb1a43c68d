"""Mean, standard deviation and range of the training actions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True)
class ActionStatistics:
    """Running sums of actions, from which mean, std and range follow: float64 [A] each.

    Attributes:
        count: number of actions so far.
        total: their sum.
        squares: the sum of their squares.
        low: their minimum.
        high: their maximum.
    """

    count: int = 0
    total: NDArray[np.float64] | float = 0.0
    squares: NDArray[np.float64] | float = 0.0
    low: NDArray[np.float64] | float = np.inf
    high: NDArray[np.float64] | float = -np.inf

    def add(self, actions: NDArray[np.float32]) -> None:
        """Add the actions [T, A] of one training episode."""
        values = actions.astype(np.float64)
        self.merge(
            ActionStatistics(
                len(values), values.sum(0), (values**2).sum(0), values.min(0), values.max(0)
            )
        )

    def merge(self, other: "ActionStatistics") -> None:
        """Add all actions of another instance."""
        self.count += other.count
        self.total = self.total + other.total
        self.squares = self.squares + other.squares
        self.low = np.minimum(self.low, other.low)
        self.high = np.maximum(self.high, other.high)

    def summary(self) -> dict[str, list[float]]:
        """`mean`, `std`, `min`, `max`, [A] each; std is unbiased, plus 1e-6 as in the reference."""
        mean = self.total / self.count
        variance = (self.squares - self.count * mean**2) / max(self.count - 1, 1)
        std = np.sqrt(np.maximum(variance, 0)) + 1e-6
        statistics = {"mean": mean, "std": std, "min": self.low, "max": self.high}
        return {name: np.asarray(value).tolist() for name, value in statistics.items()}
