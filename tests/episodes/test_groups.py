"""Observation groups are those of RWM, and one alignment of states and actions holds everywhere."""

import numpy as np
import pytest

from pipeline.episodes import groups


def test_the_groups_have_the_widths_of_the_published_task():
    widths = {group.name: group.width for group in groups.GROUPS}
    assert widths == {
        "policy": 48,
        "system_state": 45,
        "system_action": 12,
        "system_contact": 8,
        "system_termination": 1,
    }
    assert (
        slice(0, 45),
        slice(45, 53),
        slice(53, 54),
    ) == (groups.STATE, groups.CONTACT, groups.TERMINATION)


def test_parts_stand_where_the_reference_has_them():
    state = groups.SYSTEM_STATE
    assert state.part("projected_gravity") == slice(6, 9)
    assert state.part("joint_torque") == slice(33, 45)
    assert groups.POLICY.part("command") == slice(9, 12)
    with pytest.raises(KeyError, match="torque"):
        groups.POLICY.part("torque")


def test_a_policy_sees_the_state_without_torques_the_command_and_its_last_action():
    states, command = np.arange(2 * 54, dtype=np.float32).reshape(2, 54), np.full((2, 3), -1.0)
    seen = groups.policy_observation(states, command, np.full((2, 12), -2.0))
    assert seen.shape == (2, groups.POLICY.width)
    for name in ("base_angular_velocity", "joint_position", "joint_velocity"):
        theirs = states[:, groups.SYSTEM_STATE.part(name)]
        np.testing.assert_array_equal(seen[:, groups.POLICY.part(name)], theirs)
    assert (seen[:, groups.POLICY.part("last_action")] == -2).all()


def test_the_action_of_a_row_leads_to_the_next_in_a_linear_system():
    """s' = A s + B a is recovered to rounding from aligned rows, and from no others."""
    rng = np.random.default_rng(0)
    system, entry = 0.9 * np.linalg.qr(rng.normal(size=(3, 3)))[0], rng.normal(size=(3, 2))
    chosen = rng.normal(size=(60, 2)).astype(np.float32)
    states = [rng.normal(size=3)]
    for action in chosen[:-1]:
        states.append(system @ states[-1] + entry @ action)
    states = np.array(states)
    led = groups.actions_led(chosen)
    back = groups.actions_at(led)
    np.testing.assert_array_equal(back[:-1], chosen[:-1])
    assert not back[-1].any()
    assert not led[0].any()

    def error(actions):
        inputs = np.concatenate([states, actions], 1)[:-1]
        fit, *_ = np.linalg.lstsq(inputs, states[1:], rcond=None)
        return np.abs(inputs @ fit - states[1:]).max()

    assert error(back) < 1e-6
    assert error(led) > 0.1
