"""Imagined environments on a linear world whose every number can be computed by hand."""

import dataclasses

import pytest
import torch
from imagination_helpers import NONE, PERIOD, A, H, Linear, S, Scales

from pipeline.episodes.groups import POLICY
from pipeline.imagination.environments import Environments
from pipeline.imagination.histories import Histories
from pipeline.imagination.options import Options, Weights


def begin(count=4, steps=5, history=0.4, **weights):
    states = torch.full((6, H, S), history)
    made = Histories(states, torch.full((6, H - 1, A), 0.7), torch.full((6, A), 0.07))
    return Environments(
        Linear(),
        Scales(),
        made,
        lambda n: torch.tensor([[0.5, 0.0, 0.1]]).expand(n, 3),
        Options(
            environments=count, steps=steps, noise=False, weights=Weights(**{**NONE, **weights})
        ),
        PERIOD,
        torch.Generator().manual_seed(0),
    )


def test_an_observation_is_the_group_policy_in_units():
    seen = begin().observation()
    assert seen.shape == (4, POLICY.width)
    assert seen[:, POLICY.part("command")].tolist() == [pytest.approx([0.5, 0.0, 0.1])] * 4
    assert (seen[:, POLICY.part("last_action")] == 0.07).all()
    assert (seen[:, POLICY.part("joint_velocity")] == 0.8).all()


def test_states_follow_the_linear_world_by_the_head_of_each_environment():
    made, expected, heads = begin(16), torch.full((16,), 0.4), torch.arange(16) // 8
    for _ in range(3):
        made.step(torch.full((16, A), 0.2))
        expected = expected / 2 + 0.1 * 2 + 0.01 * heads
        assert torch.allclose(made.state, 2 * expected[:, None].expand(16, S))


def test_the_history_is_fed_once_and_then_single_rows():
    made = begin()
    for step in range(3):
        made.step(torch.zeros(4, A))
        assert (made._memory.state[0, :, 0] == H + step).all()


def test_time_runs_out_for_all_and_each_begins_again_in_the_same_step():
    made = begin(steps=2)
    first = made.step(torch.zeros(4, A))
    assert not (first.terminated | first.timed_out).any()
    second = made.step(torch.zeros(4, A))
    assert second.timed_out.all()
    assert not second.terminated.any()
    assert (second.observation[:, :3] == 0.8).all()  # of the new history
    assert (made.steps == 0).all()
    made.step(torch.zeros(4, A))
    assert (made._memory.state[0, :, 0] == H).all()


def test_only_what_falls_begins_again_and_only_its_memory_is_replaced():
    made = begin()
    made.step(torch.zeros(4, A))
    action = torch.zeros(4, A)
    action[1] = 1.0  # the network sees 10: s' = ... + 1 > FALL
    stepped = made.step(action)
    assert stepped.terminated.tolist() == [False, True, False, False]
    assert not stepped.timed_out.any()
    assert stepped.observation[:, 0].tolist()[1] == pytest.approx(0.8)
    made.step(torch.zeros(4, A))
    assert made._memory.state[0, :, 0].tolist() == [H + 2, H, H + 2, H + 2]
    assert made._memory.state[0, 1, 1].item() == pytest.approx(3 * 0.4)
    assert made.steps.tolist() == [3, 1, 3, 3]


def test_a_fall_at_the_last_step_is_no_time_out():
    made = begin(steps=1)
    stepped = made.step(torch.ones(4, A))
    assert stepped.terminated.all()
    assert not stepped.timed_out.any()


def test_disagreement_is_charged_where_the_options_ask_for_it():
    std = torch.tensor([0.0, 0.01]).std().item() * S
    charged = begin(uncertainty=-1.0).step(torch.zeros(4, A))
    assert charged.reward.tolist() == pytest.approx([-std * PERIOD] * 4, rel=1e-4)
    free = begin().step(torch.zeros(4, A))
    assert free.reward.tolist() == [0.0] * 4
    assert free.parts == {}


def test_a_fall_is_charged_to_what_falls_and_to_nothing_else():
    made = begin(fall=-100.0)
    action = torch.zeros(4, A)
    action[2] = 1.0
    assert made.step(action).reward.tolist() == [0.0, 0.0, -100 * PERIOD, 0.0]


def test_a_change_of_action_is_seen_from_the_history_on():
    made = begin(action_rate=-1.0)
    first = made.step(torch.full((4, A), 0.07))
    assert first.reward.tolist() == pytest.approx([0.0] * 4)
    second = made.step(torch.full((4, A), 0.17))
    assert second.reward.tolist() == pytest.approx([-PERIOD * A * 0.1**2] * 4, rel=1e-4)


def test_noise_is_that_of_the_group_and_states_stay_free_of_it():
    made = begin()
    clean = made.observation()
    made.options = made.options.model_copy(update={"noise": True})
    half = torch.from_numpy(POLICY.noise())
    away = torch.stack([made.observation() - clean for _ in range(200)]).abs().amax((0, 1))
    assert (away <= half + 1e-6).all()
    assert (away[half > 0] > 0.9 * half[half > 0]).all()
    assert (away[half == 0] == 0).all()
    assert (made.state == 0.8).all()


def test_the_same_generator_imagines_the_same():
    runs = []
    for _ in range(2):
        made = begin(steps=2)
        steps = [made.step(torch.full((4, A), 0.3)) for _ in range(5)]
        runs.append(torch.stack([step.observation for step in steps]))
    assert torch.equal(*runs)


def test_observations_of_earlier_steps_are_not_overwritten():
    made = begin()
    first = made.step(torch.zeros(4, A)).observation
    kept = first.clone()
    made.step(torch.ones(4, A))
    assert torch.equal(first, kept)


def test_no_environments_is_no_imagination():
    with pytest.raises(ValueError, match="imagination is off"):
        begin(count=0)


def test_histories_are_drawn_whole():
    rows = torch.arange(5.0)
    made = Histories(
        rows[:, None, None].expand(5, H, S),
        rows[:, None, None].expand(5, H - 1, A),
        rows[:, None].expand(5, A),
    )
    drawn = made.draw(100, torch.Generator().manual_seed(1))
    assert set(drawn.raw_actions[:, 0].tolist()) == set(rows.tolist())
    for field in dataclasses.fields(drawn):
        values = getattr(drawn, field.name).flatten(1)
        assert torch.equal(values, drawn.raw_actions[:, :1].expand_as(values))
