"""Mean, spread and range of the actions that a model is trained on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True)
class ActionStatistics:
    """Running mean, spread and range of actions [T, A], per dimension, in float64."""

    count: int = 0
    total: NDArray[np.float64] | float = 0.0
    squares: NDArray[np.float64] | float = 0.0
    low: NDArray[np.float64] | float = np.inf
    high: NDArray[np.float64] | float = -np.inf

    def add(self, actions: NDArray[np.float32]) -> None:
        """Count the actions [T, A] of one training episode."""
        values = actions.astype(np.float64)
        self.merge(
            ActionStatistics(
                len(values), values.sum(0), (values**2).sum(0), values.min(0), values.max(0)
            )
        )

    def merge(self, other: "ActionStatistics") -> None:
        """Count what another one has counted."""
        self.count += other.count
        self.total = self.total + other.total
        self.squares = self.squares + other.squares
        self.low = np.minimum(self.low, other.low)
        self.high = np.maximum(self.high, other.high)

    def summary(self) -> dict[str, list[float]]:
        """Mean, unbiased standard deviation + 1e-6 as in the reference, minimum and maximum."""
        mean = self.total / self.count
        variance = (self.squares - self.count * mean**2) / max(self.count - 1, 1)
        std = np.sqrt(np.maximum(variance, 0)) + 1e-6
        named = {"mean": mean, "std": std, "min": self.low, "max": self.high}
        return {name: np.asarray(value).tolist() for name, value in named.items()}
