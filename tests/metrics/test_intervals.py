"""Intervals of success rates against published examples."""

import pytest

from pipeline.metrics.intervals import paired_difference, wilson


@pytest.mark.parametrize(
    ("successes", "tries", "interval"),
    [(0, 10, (0.0, 0.2775)), (5, 10, (0.2366, 0.7634)), (48, 50, (0.8654, 0.9890))],
)
def test_intervals_are_wilsons(successes, tries, interval):
    assert wilson(successes, tries) == pytest.approx(interval, abs=1e-4)


def test_differences_on_the_same_goals_have_newcombes_interval():
    """The worked example of Fagerland et al. (2014), Statistics in Medicine 33, 2850-2875."""
    assert paired_difference(1, 1, 7, 12) == pytest.approx((-0.507, -0.026), abs=5e-4)


@pytest.mark.parametrize("table", [(5, 20, 3, 22), (0, 50, 0, 0), (50, 0, 0, 0), (30, 0, 0, 20)])
def test_the_interval_of_a_difference_turns_with_its_sign_and_holds_it(table):
    both, first, second, neither = table
    low, high = paired_difference(*table)
    assert low <= (first - second) / sum(table) <= high
    assert (-high, -low) == pytest.approx(paired_difference(both, second, first, neither))


def test_agreement_on_other_goals_narrows_the_interval():
    """Twenty goals won by one alone, in one hundred; the rest are the same for both, or not."""
    paired = paired_difference(40, 20, 0, 40)
    crossed = paired_difference(20, 40, 20, 20)
    assert paired[0] > crossed[0] > 0
