"""95 % intervals of a few seeds: Student's t, with the spread that all arms of a table share."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Summary:
    """What the seeds of one arm say together.

    Attributes:
        mean: over seeds.
        half: half the width of its interval; None where one seed alone was run.
        difference: from the baseline's mean.
        difference_half: of the interval of that; None for the baseline too.
    """

    mean: float
    half: float | None
    difference: float
    difference_half: float | None


def summarise(scores: Sequence[Sequence[float]], baseline: int) -> list[Summary]:
    """Summaries of `scores` [arms][seeds], each arm under the same seeds.

    The spread of a mean pools the arms' own variances: arms x (seeds - 1) degrees of freedom. That
    of a difference is the residual of a two-way analysis of variance without interaction, in which
    seeds are blocks (Fisher 1935): (arms - 1) x (seeds - 1). Both take all arms of a table to
    scatter alike; intervals are of each arm by itself, not corrected for their number.
    """
    arms, seeds = len(scores), len(scores[0])
    means = [sum(row) / seeds for row in scores]
    by_seed = [sum(column) / arms for column in zip(*scores, strict=True)]
    grand = sum(means) / arms
    own = sum((y - m) ** 2 for row, m in zip(scores, means, strict=True) for y in row)
    rest = sum(
        (y - m - s + grand) ** 2
        for row, m in zip(scores, means, strict=True)
        for y, s in zip(row, by_seed, strict=True)
    )
    half = _half(own, arms * (seeds - 1), seeds)
    apart = _half(2 * rest, (arms - 1) * (seeds - 1), seeds)
    return [
        Summary(mean, half, mean - means[baseline], None if index == baseline else apart)
        for index, mean in enumerate(means)
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
