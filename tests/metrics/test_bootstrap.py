"""Intervals over clips: those of scipy, and of the distances of what was resampled."""

import pytest
import torch
from scipy import stats

from pipeline.metrics.bootstrap import frechet_interval, mean_intervals, weighted_frechet
from pipeline.metrics.images import frechet


def test_intervals_of_means_are_scipys(generator):
    values = torch.randn(40, 2, 3, generator=generator).exp()
    low, high = mean_intervals(values, resamples=4000)
    expected = stats.bootstrap(
        (values.numpy(),),
        lambda x, axis: x.mean(axis),
        method="percentile",
        n_resamples=4000,
        rng=0,
    ).confidence_interval
    width = torch.from_numpy(expected.high - expected.low)
    assert low.shape == (2, 3)
    for ours, theirs in ((low, expected.low), (high, expected.high)):
        assert ((ours - torch.from_numpy(theirs)).abs() < 0.06 * width).all()


def test_intervals_are_the_same_every_time_and_empty_where_nothing_varies(generator):
    values = torch.randn(9, 4, generator=generator)
    assert torch.equal(mean_intervals(values), mean_intervals(values))
    torch.testing.assert_close(
        mean_intervals(torch.full((9,), 0.5)), torch.full((2,), 0.5).double()
    )


def test_many_clips_are_resampled_in_chunks(monkeypatch, generator):
    values = torch.randn(30, generator=generator)
    whole = mean_intervals(values, 200)
    monkeypatch.setattr("pipeline.metrics.bootstrap.CHUNK", 30 * 100)
    torch.testing.assert_close(mean_intervals(values, 200), whole, atol=0.1, rtol=0)


@pytest.mark.parametrize("rows", [12, 60], ids=["fewer than dimensions", "more"])
def test_a_weighted_distance_is_that_of_repeated_rows(rows, generator):
    a, b = (torch.randn(rows, 20, generator=generator).double() for _ in range(2))
    weights = torch.randint(0, 4, (rows,), generator=generator)
    repeated = (each.repeat_interleave(weights, 0) for each in (a, 2 * b))
    torch.testing.assert_close(
        weighted_frechet(a, 2 * b, weights), frechet(*repeated), rtol=1e-6, atol=1e-6
    )


def test_intervals_of_distances_cover_as_many_as_they_say(generator):
    """Of 40 sets of clips from one distribution, whose mean distance is what is asked for."""
    clip = torch.arange(90) // 3
    pairs = [
        (torch.randn(90, 4, generator=generator), 1 + 1.5 * torch.randn(90, 4, generator=generator))
        for _ in range(40)
    ]
    mean = sum(float(frechet(a, b)) for a, b in pairs) / len(pairs)
    ends = [frechet_interval(a, b, clip) for a, b in pairs]
    assert sum(low <= mean <= high for low, high in ends) >= 34
