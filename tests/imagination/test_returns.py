"""Costs of plans in a linear world whose every number can be computed by hand."""

import pytest
import torch
from imagination_helpers import NONE, PERIOD, A, H, Linear, S, Scales

from pipeline.imagination.options import Weights
from pipeline.imagination.returns import Present, Returns


def returns(fall=0.0, **weights):
    return Returns(Linear(), Scales(), Weights(**{**NONE, **weights}), fall, PERIOD)


def present(robots=2):
    return Present(
        states=torch.full((robots, H, S), 0.4),
        actions=torch.full((robots, H - 1, A), 0.7),
        last_action=torch.full((robots, A), 0.07),
        command=torch.zeros(robots, 3),
        air=torch.zeros(robots, 4),
    )


def upright(steps):
    """Probability that the robot has not fallen after each step without actions."""
    state, odds = torch.tensor(0.4), torch.tensor(1.0)
    for _ in range(steps):
        state = state / 2 + 0.005  # the mean of the heads
        odds = odds * (1 - (state - 0.9).sigmoid())
        yield odds.item()


def test_a_change_of_action_is_charged_at_every_step_by_the_odds_of_standing():
    plans = torch.full((2, 1, 3, A), 0.0)
    costs = returns(action_rate=-1.0).costs(present(), plans)
    first = next(upright(1))  # then the action stays as it is
    assert costs[:, 0].tolist() == pytest.approx([PERIOD * A * 0.07**2 * first] * 2, rel=1e-4)


def test_a_fall_is_charged_by_its_probability():
    *_, last = upright(3)
    costs = returns(fall=5.0).costs(present(), torch.zeros(2, 1, 3, A))
    assert costs[:, 0].tolist() == pytest.approx([5 * (1 - last)] * 2, rel=1e-4)


def test_plans_and_robots_do_not_mix():
    generator = torch.Generator().manual_seed(0)
    plans = torch.rand(2, 4, 3, A, generator=generator)
    judged = returns(fall=1.0, track_linear_velocity=1.0, uncertainty=-1.0, feet_air_time=1.0)
    whole = judged.costs(present(), plans)
    alone = judged.costs(present(1), plans[1:, 2:3])
    assert whole.shape == (2, 4)
    assert whole[1, 2].item() == pytest.approx(alone.item(), rel=1e-5)
    assert len(set(whole.flatten().tolist())) == 8
