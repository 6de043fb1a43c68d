"""Every term of the reward by hand, for one robot in its units."""

import dataclasses

import pytest
import torch

from pipeline.imagination import rewards
from pipeline.imagination.options import Weights
from pipeline.imagination.rewards import AirTime, Transition, total

STILL = torch.zeros(1, 45, dtype=torch.float64)
PERIOD = 0.02


def state(**columns):
    """A state [1, 45], upright, with some of its terms set."""
    row = STILL.clone()
    row[:, rewards.GRAVITY] = torch.tensor([0.0, 0.0, -1.0], dtype=torch.float64)
    for name, values in columns.items():
        row[:, getattr(rewards, name)] = torch.tensor(values, dtype=torch.float64)
    return row


def transition(**fields):
    zeros = {
        "before": state(),
        "after": state(),
        "action": torch.zeros(1, 12),
        "last_action": torch.zeros(1, 12),
        "contacts": torch.zeros(1, 8),
        "landed": torch.zeros(1, 4),
        "command": torch.zeros(1, 3),
        "epistemic": torch.zeros(1),
        "fallen": torch.zeros(1),
    }
    return Transition(period=PERIOD, **{**zeros, **fields})


def moved(**columns):
    return transition(after=state(**columns))


def asked(*command, **fields):
    return transition(command=torch.tensor([command], dtype=torch.float64), **fields)


@pytest.mark.parametrize(
    ("term", "case", "expected"),
    [
        ("track_linear_velocity", asked(0.5, 0.0, 0.0), torch.tensor(-1.0).exp().item()),
        ("track_linear_velocity", asked(0.3, 0.1, 9.0, after=state(LINEAR=[0.3, 0.1, 7.0])), 1.0),
        ("track_angular_velocity", asked(0.0, 0.0, 0.5), torch.tensor(-1.0).exp().item()),
        ("track_angular_velocity", asked(9.0, 0.0, 0.4, after=state(ANGULAR=[5.0, 5.0, 0.4])), 1.0),
        ("vertical_velocity", moved(LINEAR=[3.0, 4.0, -2.0]), 4.0),
        ("roll_and_pitch_velocity", moved(ANGULAR=[1.0, -2.0, 7.0]), 5.0),
        ("torque", moved(TORQUE=[3.0] * 4 + [0.0] * 8), 36.0),
        ("joint_acceleration", moved(VELOCITY=[0.02, -0.04] + [0.0] * 10), 5.0),
        ("action_rate", transition(action=torch.full((1, 12), 0.5)), 3.0),
        ("feet_air_time", asked(0.5, 0.0, 0.0, landed=torch.tensor([[0.7, 0.0, 0.4, 0.0]])), 0.1),
        ("feet_air_time", asked(0.05, 0.0, 2.0, landed=torch.tensor([[0.7, 0.0, 0.4, 0.0]])), 0.0),
        ("thigh_contacts", transition(contacts=torch.tensor([[1.0, 0, 1, 0, 1, 1, 1, 1]])), 2.0),
        ("stand_still", moved(POSITION=[0.1, -0.2] + [0.0] * 10), 0.3),
        ("stand_still", asked(0.2, 0, 0, after=state(POSITION=[0.1] * 12)), 0.0),
        ("flat_orientation", moved(GRAVITY=[0.6, 0.0, -0.8]), 0.36),
        ("uncertainty", transition(epistemic=torch.tensor([2.5])), 2.5),
        ("fall", transition(fallen=torch.ones(1)), 1.0),
    ],
)
def test_a_term_is_as_defined(term, case, expected):
    assert rewards.TERMS[term](case).item() == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_every_term_has_a_weight_and_a_weight_its_term():
    assert set(Weights.model_fields) == set(rewards.TERMS)


def test_the_reward_is_the_weighted_terms_times_the_length_of_an_action():
    case = dataclasses.replace(moved(LINEAR=[0.0, 0.0, 2.0]), epistemic=torch.tensor([3.0]))
    weights = Weights.model_validate(
        {**dict.fromkeys(rewards.TERMS, 0.0), "vertical_velocity": -2.0, "uncertainty": -1.0}
    )
    reward, parts = total(case, weights)
    assert {name: part.item() for name, part in parts.items()} == pytest.approx(
        {"vertical_velocity": -0.16, "uncertainty": -0.06}
    )
    assert reward.item() == pytest.approx(-0.22)


def test_a_foot_lands_after_the_time_since_it_last_touched_the_ground():
    air = AirTime(1, torch.device("cpu"))
    landed = []
    for foot in (1, 1, 0, 0, 0, 1, 1):
        contacts = torch.zeros(1, 8)
        contacts[:, 4], contacts[:, 5:] = foot, 1
        landed.append(air.update(contacts, PERIOD)[0].tolist())
    assert [row[0] for row in landed] == pytest.approx([0, 0, 0, 0, 0, 4 * PERIOD, 0])
    assert all(row[1:] == [0, 0, 0] for row in landed)


def test_a_new_episode_begins_on_the_ground():
    air = AirTime(2, torch.device("cpu"))
    for _ in range(3):
        air.update(torch.zeros(2, 8), PERIOD)
    air.reset(torch.tensor([1]))
    assert air.update(torch.ones(2, 8), PERIOD)[:, 0].tolist() == pytest.approx([4 * PERIOD, 0])
