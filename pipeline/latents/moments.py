"""Mean and variance of values that come in parts, without the cancellation of E[x^2] - E[x]^2."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(slots=True)
class RunningMoments:
    """Of vectors [C], added part by part (Chan, Golub & LeVeque 1979, eq. 2.1), in float64.

    Attributes:
        count: number of vectors.
        total: their sum [C].
        deviations: sum of the squared deviations from their mean [C].
    """

    count: int = 0
    total: Vector = field(default_factory=lambda: np.zeros(1))
    deviations: Vector = field(default_factory=lambda: np.zeros(1))

    @classmethod
    def of(cls, values: Vector) -> Self:
        """The moments of vectors [N, C], N > 0."""
        return cls(len(values), values.sum(0), np.square(values - values.mean(0)).sum(0))

    def merge(self, other: "RunningMoments") -> None:
        """Add the vectors of another instance."""
        if self.count and other.count:
            difference = other.total / other.count - self.total / self.count
            weight = self.count * other.count / (self.count + other.count)
            self.deviations = self.deviations + weight * np.square(difference)
        self.deviations = self.deviations + other.deviations
        self.total = self.total + other.total
        self.count += other.count

    def mean(self) -> Vector:
        """Their mean [C]; 0 if there are none."""
        return self.total / max(self.count, 1)

    def variance(self) -> Vector:
        """Their variance [C], divided by `count`; 0 if there are none."""
        return self.deviations / max(self.count, 1)

    def squares(self) -> Vector:
        """Their mean square [C]."""
        return self.variance() + np.square(self.mean())
