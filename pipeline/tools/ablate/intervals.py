"""95 % intervals of a few seeds: Student's t, with the spread that all arms of a table share."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its interval, whose ends are None where one seed alone was run."""

    value: float
    low: float | None
    high: float | None

    @classmethod
    def around(cls, value: float, half: float | None) -> "Estimate":
        """From half the width of the interval."""
        return cls(value, None, None) if half is None else cls(value, value - half, value + half)

    def exp(self) -> "Estimate":
        """Of figures of which this is the logarithm."""
        ends = (None if end is None else math.exp(end) for end in (self.low, self.high))
        return Estimate(math.exp(self.value), *ends)

    def leaves_out(self, value: float) -> bool:
        """Whether the interval is known, and `value` outside."""
        return self.low is not None and self.high is not None and not self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Summary:
    """What the seeds of one arm say together: the mean, and what sets it apart from the baseline.

    `apart` is a difference, or a ratio where logarithms were averaged; None for the baseline.
    """

    mean: Estimate
    apart: Estimate | None


def summarise(scores: Sequence[Sequence[float]], baseline: int) -> list[Summary]:
    """Summaries of `scores` [arms][seeds], each arm under the same seeds.

    The spread of a mean pools the arms' own variances: arms x (seeds - 1) degrees of freedom. That
    of a difference is the residual of a two-way analysis of variance without interaction, in which
    seeds are blocks (Fisher 1935): (arms - 1) x (seeds - 1). Both take all arms of a table to
    scatter alike; intervals are of each arm by itself, not corrected for their number.
    """
    arms, seeds = len(scores), len(scores[0])
    means = [sum(row) / seeds for row in scores]
    shared = [sum(column) / arms - sum(means) / arms for column in zip(*scores, strict=True)]
    left = [[y - mean for y in row] for row, mean in zip(scores, means, strict=True)]
    own = sum(y**2 for row in left for y in row)
    rest = sum((y - s) ** 2 for row in left for y, s in zip(row, shared, strict=True))
    half = _half(own, arms * (seeds - 1), seeds)
    apart = _half(2 * rest, (arms - 1) * (seeds - 1), seeds)
    return [
        Summary(
            Estimate.around(mean, half),
            None if arm == baseline else Estimate.around(mean - means[baseline], apart),
        )
        for arm, mean in enumerate(means)
    ]


def summarise_ratios(scores: Sequence[Sequence[float]], baseline: int) -> list[Summary]:
    """The same for errors, which scatter in proportion to their size: geometric means, ratios."""
    logarithms = [[math.log(score) for score in row] for row in scores]
    return [
        Summary(summary.mean.exp(), summary.apart and summary.apart.exp())
        for summary in summarise(logarithms, baseline)
    ]


def _half(squares: float, freedom: int, seeds: int) -> float | None:
    return quantile(freedom) * math.sqrt(squares / freedom / seeds) if freedom else None


def quantile(freedom: int) -> float:
    """The t that Student's distribution of so many degrees of freedom exceeds, in size, in 5 %."""
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
