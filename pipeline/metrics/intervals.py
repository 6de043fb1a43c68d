"""95 % intervals of success rates, and of the difference between two on the same goals."""

import math

Z = 1.959964
"""The 97.5 % quantile of the normal distribution."""


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """95 % score interval of a success rate (Wilson 1927).

    Args:
        successes: 0..trials.
        trials: at least 1.
    """
    rate = successes / trials
    centre = rate + Z**2 / (2 * trials)
    half = Z * math.sqrt(rate * (1 - rate) / trials + Z**2 / (4 * trials**2))
    scale = 1 + Z**2 / trials
    low, high = (centre - half) / scale, (centre + half) / scale
    # At a rate of 0 or 1 the bound is that rate, up to rounding.
    return min(max(low, 0.0), rate), max(min(high, 1.0), rate)


def paired_difference(both: int, first: int, second: int, neither: int) -> tuple[float, float]:
    """95 % interval of the difference of two success rates on the same goals, first - second.

    The score intervals of both rates, joined by the correlation of the outcomes (Newcombe 1998,
    Statistics in Medicine 17, 2635-2650, method 10).

    Args:
        both: goals that both reached.
        first: goals that only the first reached.
        second: goals that only the second reached.
        neither: goals that neither reached.
    """
    goals = both + first + second + neither
    rates = (both + first) / goals, (both + second) / goals
    (low_1, high_1), (low_2, high_2) = wilson(both + first, goals), wilson(both + second, goals)
    phi = _correlation(both, first, second, neither)
    down_1, up_1 = rates[0] - low_1, high_1 - rates[0]
    down_2, up_2 = rates[1] - low_2, high_2 - rates[1]
    difference = rates[0] - rates[1]
    below = math.sqrt(max(down_1**2 - 2 * phi * down_1 * up_2 + up_2**2, 0.0))
    above = math.sqrt(max(up_1**2 - 2 * phi * up_1 * down_2 + down_2**2, 0.0))
    return difference - below, difference + above


def _correlation(both: int, first: int, second: int, neither: int) -> float:
    """Phi of the fourfold table, with Newcombe's continuity correction where it is positive."""
    product = (both + first) * (second + neither) * (both + second) * (first + neither)
    if product == 0:
        return 0.0
    goals = both + first + second + neither
    excess = both * neither - first * second
    return (max(excess - goals / 2, 0.0) if excess > 0 else excess) / math.sqrt(product)
