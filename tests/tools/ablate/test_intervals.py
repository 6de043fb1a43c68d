"""The intervals of `wm ablate`: as honest as a few seeds allow."""

import math
from dataclasses import astuple

import pytest

from pipeline.tools.ablate.intervals import quantile, summarise, summarise_ratios


@pytest.mark.parametrize(
    ("freedom", "value"),
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (8, 2.3060), (30, 2.0423)],
)
def test_quantiles_of_students_t_are_those_of_the_tables(freedom, value):
    assert quantile(freedom) == pytest.approx(value, abs=5e-5)


def test_intervals_pool_the_spread_of_all_arms():
    # Variances 1 and 4 within arms of three: pooled 2.5, with 4 degrees of freedom.
    half = 2.7764 * math.sqrt(2.5 / 3)
    first, second = summarise([[1.0, 2.0, 3.0], [14.0, 10.0, 12.0]], 0)
    assert astuple(first.mean) == pytest.approx((2, 2 - half, 2 + half), abs=1e-4)
    assert astuple(second.mean) == pytest.approx((12, 12 - half, 12 + half), abs=1e-4)


def test_the_interval_of_a_difference_of_two_arms_is_that_of_students_paired_test():
    # Differences 13, 8, 9: mean 10, variance 7, two degrees of freedom.
    half = 4.3027 * math.sqrt(7 / 3)
    baseline, other = summarise([[1.0, 2.0, 3.0], [14.0, 10.0, 12.0]], 0)
    assert baseline.apart is None
    assert astuple(other.apart) == pytest.approx((10, 10 - half, 10 + half), abs=1e-3)
    assert not other.apart.excludes(10 - half + 0.01)
    assert other.apart.excludes(10 - half - 0.01)


def test_what_all_seeds_share_does_not_widen_a_difference():
    apart = summarise([[1.0, 2.0, 3.0], [2.0, 3.0, 4.0], [0.0, 1.0, 2.0]], 0)
    assert [one.apart and astuple(one.apart) for one in apart] == [None, (1, 1, 1), (-1, -1, -1)]


def test_ratios_are_differences_of_logarithms():
    scores = [[1.0, 2.0, 4.0], [2.0, 8.0, 4.0]]
    ratio = summarise_ratios(scores, 0)[1]
    difference = summarise([[math.log(y) for y in row] for row in scores], 0)[1]
    assert ratio.mean.value == pytest.approx(4)
    assert ratio.apart.value == pytest.approx(2)
    assert math.log(ratio.apart.high) == pytest.approx(difference.apart.high)


def test_one_seed_has_no_interval():
    for summary in summarise([[1.0], [2.0]], 0):
        assert (summary.mean.low, summary.mean.high) == (None, None)
