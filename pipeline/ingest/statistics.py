"""Mean, standard deviation and range of the training actions."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.latents.channel_std import substituted
from pipeline.latents.moments import RunningMoments, Vector

FLOAT32_ROUNDING = 2.0**-24
"""Relative rounding error of float32, in which actions are read."""


@dataclass(slots=True)
class ActionStatistics:
    """Running statistics of actions [A].

    Attributes:
        moments: of the actions so far.
        low: their minimum, float64 [A].
        high: their maximum, float64 [A].
    """

    moments: RunningMoments = field(default_factory=RunningMoments)
    low: Vector | float = np.inf
    high: Vector | float = -np.inf

    def add(self, actions: NDArray[np.float32]) -> None:
        """Add the actions [T, A] of one training episode."""
        values = actions.astype(np.float64)
        self.merge(ActionStatistics(RunningMoments.of(values), values.min(0), values.max(0)))

    def merge(self, other: "ActionStatistics") -> None:
        """Add all actions of another instance."""
        self.moments.merge(other.moments)
        self.low = np.minimum(self.low, other.low)
        self.high = np.maximum(self.high, other.high)

    def varies(self) -> NDArray[np.bool_]:
        """Which components [A] vary, by more than float32's rounding of their RMS."""
        return self.moments.variance() > FLOAT32_ROUNDING**2 * self.moments.squares()

    def summary(self) -> dict[str, list[float]]:
        """`mean`, `std`, `min`, `max`, [A] each.

        std is unbiased, plus 1e-6 as in the reference; a component that never varies gets the RMS
        of the std of the others, or 1: divided by 1e-6, its first movement would be a million.
        """
        unbiased = self.moments.deviations / max(self.moments.count - 1, 1)
        std = np.sqrt(substituted(unbiased, self.varies())) + 1e-6
        mean = self.moments.mean()
        statistics = {"mean": mean, "std": std, "min": self.low, "max": self.high}
        return {name: np.asarray(value).tolist() for name, value in statistics.items()}
