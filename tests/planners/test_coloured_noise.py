"""Noise of every colour has variance 1 at every step, and none of another episode in it."""

import pytest
import torch

from pipeline.planners import Problem
from pipeline.planners._shared.coloured_noise import coloured


def noise(horizon, exponent, candidates=20_000, seeds=(0,), interval=1):
    bound = torch.full((interval,), torch.inf)
    initial = torch.zeros(len(seeds), 1, horizon, interval)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    problem = Problem(lambda plans: plans, initial, generators, -bound, bound, interval=interval)
    return coloured(problem, candidates, exponent)


@pytest.mark.parametrize("exponent", [0.0, 0.5, 2.0, 4.0])
@pytest.mark.parametrize("horizon", [1, 2, 3, 10])
def test_the_variance_is_one_at_every_step(horizon, exponent):
    values = noise(horizon, exponent)[0, :, :, 0]
    assert values.shape == (20_000, horizon)
    torch.testing.assert_close(values.var(0), torch.ones(horizon), atol=0.05, rtol=0)
    assert values.mean(0).abs().max() < 0.03
    assert values.abs().max() < 6  # a sequence divided by its own std would be far wilder


@pytest.mark.parametrize("horizon", [2, 10])
def test_neighbours_resemble_each_other_the_more_the_larger_the_exponent(horizon):
    def correlation(exponent):
        values = noise(horizon, exponent)[0, :, :, 0]
        return float((values[:, 0] * values[:, 1]).mean())

    white, pink, red = (correlation(exponent) for exponent in (0.0, 1.0, 2.0))
    assert abs(white) < 0.03
    assert white + 0.05 < pink < red - 0.05


def test_the_last_step_does_not_come_back_to_the_first():
    values = noise(10, 2.0)[0, :, :, 0]
    near, far = ((values[:, 0] * values[:, step]).mean() for step in (1, 9))
    assert far < near - 0.5


def test_an_episode_has_the_same_noise_beside_others():
    both = noise(3, 1.0, candidates=4, seeds=(0, 1))
    alone = noise(3, 1.0, candidates=4, seeds=(1,))
    assert torch.equal(both[1], alone[0])


def test_steps_within_an_action_resemble_each_other_as_those_of_one_after_another():
    by_action = noise(3, 2.0, interval=4)[0]  # [N, 3, 4]: a number of each of four steps
    by_step = noise(12, 2.0)[0, :, :, 0]
    first, second = (
        values.flatten(1)[:, 1:] * values.flatten(1)[:, :-1] for values in (by_action, by_step)
    )
    torch.testing.assert_close(first.mean(0), second.mean(0), atol=0.05, rtol=0)
    torch.testing.assert_close(by_action.var(0), torch.ones(3, 4), atol=0.05, rtol=0)
