"""95 % confidence intervals from a few seeds: Student's t, variance pooled over a table's arms."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its confidence interval, whose ends are None with a single seed."""

    value: float
    low: float | None
    high: float | None

    @classmethod
    def around(cls, value: float, half: float | None) -> "Estimate":
        """An interval of half width `half` around a value."""
        return cls(value, None, None) if half is None else cls(value, value - half, value + half)

    def exp(self) -> "Estimate":
        """The estimate on the original scale, if this one is of logarithms."""
        ends = (None if end is None else math.exp(end) for end in (self.low, self.high))
        return Estimate(math.exp(self.value), *ends)

    def excludes(self, value: float) -> bool:
        """Whether there is an interval, and `value` lies outside."""
        return self.low is not None and self.high is not None and not self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Summary:
    """One metric of one arm over all seeds.

    Attributes:
        mean: arithmetic or geometric.
        apart: effect against the baseline, a difference or, for geometric means, a ratio; None for
            the baseline.
    """

    mean: Estimate
    apart: Estimate | None


def summarise(scores: Sequence[Sequence[float]], baseline: int) -> list[Summary]:
    """Summaries of `scores` [arms][seeds], each arm under the same seeds.

    The variance of a mean is pooled over arms: arms x (seeds - 1) degrees of freedom. That of a
    difference is the residual of a two-way analysis of variance without interaction, in which
    seeds are blocks (Fisher 1935): (arms - 1) x (seeds - 1). Both assume that all arms of a table
    have the same variance; intervals are not corrected for multiple comparisons.
    """
    arms, seeds = len(scores), len(scores[0])
    means = [sum(row) / seeds for row in scores]
    by_seed = [sum(column) / arms - sum(means) / arms for column in zip(*scores, strict=True)]
    centred = [[y - mean for y in row] for row, mean in zip(scores, means, strict=True)]
    within = sum(y**2 for row in centred for y in row)
    residual = sum((y - s) ** 2 for row in centred for y, s in zip(row, by_seed, strict=True))
    half = _half(within, arms * (seeds - 1), seeds)
    apart = _half(2 * residual, (arms - 1) * (seeds - 1), seeds)
    return [
        Summary(
            Estimate.around(mean, half),
            None if arm == baseline else Estimate.around(mean - means[baseline], apart),
        )
        for arm, mean in enumerate(means)
    ]


def summarise_ratios(scores: Sequence[Sequence[float]], baseline: int) -> list[Summary]:
    """Summaries of errors, whose std is proportional to their size: geometric means and ratios."""
    logarithms = [[math.log(score) for score in row] for row in scores]
    return [
        Summary(summary.mean.exp(), summary.apart and summary.apart.exp())
        for summary in summarise(logarithms, baseline)
    ]


def _half(squares: float, freedom: int, seeds: int) -> float | None:
    """Half the width of an interval, from a sum of squares and its degrees of freedom."""
    return quantile(freedom) * math.sqrt(squares / freedom / seeds) if freedom else None


def quantile(freedom: int) -> float:
    """The two-sided 95 % quantile of Student's t with so many degrees of freedom."""
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < LEVEL else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def _within(angle: float, freedom: int) -> float:
    """Probability of |t| < sqrt(freedom) tan(angle) (Abramowitz & Stegun 26.7.3 and 26.7.4)."""
    odd, cosine = freedom % 2, math.cos(angle)
    term, total = cosine if odd else 1.0, 0.0
    for k in range(2 + odd, freedom + 1, 2):
        total += term
        term *= cosine**2 * (k - 1) / k
    total *= math.sin(angle)
    return 2 / math.pi * (angle + total) if odd else total
