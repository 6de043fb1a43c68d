"""Observation groups of a legged robot: their terms, order, widths and units, in this file alone.

They are those of RWM (Li et al. 2025) for a robot of four legs with three joints each. Joints are
in the order of JOINTS: of the hips sideways (HAA), of the hips forwards (HFE), of the knees (KFE);
legs are left fore, left hind, right fore, right hind. The body frame is x forwards, y left, z up.

Rows are aligned so: row t holds the state s_t, its contacts and termination, and the action a_t
that is chosen at s_t and leads to row t + 1. RWM's rows hold a_{t-1} instead: see `actions_at`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEGS = ("LF", "LH", "RF", "RH")
JOINTS = tuple(f"{leg}_{kind}" for kind in ("HAA", "HFE", "KFE") for leg in LEGS)


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a group.

    Attributes:
        name: what it is.
        width: how many numbers.
        unit: of each; 1 for numbers without one.
        noise: half the width of the uniform noise that a policy is trained with, in that unit.
    """

    name: str
    width: int
    unit: str
    noise: float = 0.0


@dataclass(frozen=True, slots=True)
class Group:
    """Terms that stand side by side in a row."""

    name: str
    terms: tuple[Term, ...]

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return sum(term.width for term in self.terms)

    def part(self, name: str) -> slice:
        """The columns of a term in a row of the group.

        Raises:
            KeyError: it has no term of this name.
        """
        start = 0
        for term in self.terms:
            if term.name == name:
                return slice(start, start + term.width)
            start += term.width
        raise KeyError(name)

    def noise(self) -> NDArray[np.float32]:
        """Half the width of the uniform noise of each number, [width]."""
        widths = [term.width for term in self.terms]
        return np.repeat([term.noise for term in self.terms], widths).astype(np.float32)


POLICY = Group(
    "policy",
    (
        Term("base_linear_velocity", 3, "m/s", 0.1),
        Term("base_angular_velocity", 3, "rad/s", 0.2),
        Term("projected_gravity", 3, "1", 0.05),
        Term("command", 3, "m/s, m/s, rad/s"),
        Term("joint_position", 12, "rad", 0.01),
        Term("joint_velocity", 12, "rad/s", 1.5),
        Term("last_action", 12, "1"),
    ),
)
"""What a policy sees; joint positions are relative to the default pose, vectors in body frame."""
SYSTEM_STATE = Group(
    "system_state",
    (
        Term("base_linear_velocity", 3, "m/s"),
        Term("base_angular_velocity", 3, "rad/s"),
        Term("projected_gravity", 3, "1"),
        Term("joint_position", 12, "rad"),
        Term("joint_velocity", 12, "rad/s"),
        Term("joint_torque", 12, "N m"),
    ),
)
"""What a dynamics model predicts; free of noise."""
SYSTEM_ACTION = Group("system_action", (Term("joint_position_target", 12, "1"),))
"""Offsets of the joints' targets from the default pose, divided by the action scale."""
SYSTEM_CONTACT = Group("system_contact", (Term("thigh", 4, "1"), Term("foot", 4, "1")))
"""1 where a thigh or a foot is pressed by more than 1 N, else 0."""
SYSTEM_TERMINATION = Group("system_termination", (Term("base", 1, "1"),))
"""1 where the trunk is pressed by more than 1 N, which ends the episode, else 0."""
GROUPS = (POLICY, SYSTEM_STATE, SYSTEM_ACTION, SYSTEM_CONTACT, SYSTEM_TERMINATION)

STATE = slice(0, SYSTEM_STATE.width)
CONTACT = slice(STATE.stop, STATE.stop + SYSTEM_CONTACT.width)
TERMINATION = slice(CONTACT.stop, CONTACT.stop + SYSTEM_TERMINATION.width)
"""The columns of three groups in `Episode.states`; a simulator may need more, which follow."""
OBSERVED = TERMINATION.stop
"""Columns of these groups together."""


def hold_groups(states: NDArray[np.float32]) -> bool:
    """Whether rows [N, S] of states begin with these groups, as their values tell."""
    if states.shape[1] < OBSERVED:
        return False
    length = np.linalg.norm(states[:, SYSTEM_STATE.part("projected_gravity")], axis=1)
    flags = states[:, CONTACT.start : TERMINATION.stop]
    return bool(np.allclose(length, 1, atol=1e-2) and np.isin(flags, (0, 1)).all())


BASE = slice(0, POLICY.part("command").start)
"""Velocities and gravity in the group system_state, as in the group policy."""
JOINT = slice(BASE.stop, BASE.stop + 2 * len(JOINTS))
"""Positions and velocities of the joints in the group system_state."""


def policy_observation(
    states: NDArray[np.float32], command: NDArray[np.float32], last_action: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The group `policy`, [N, 48], without noise.

    Args:
        states: rows [N, 45] or longer that begin with the group system_state.
        command: velocities that are asked for, [N, 3]: forwards and to the left in m/s, the turn to
            the left in rad/s.
        last_action: the action that led to each state, [N, 12].
    """
    base, joints = states[:, BASE], states[:, JOINT]
    return np.concatenate([base, command, joints, last_action], 1, dtype=np.float32)


def actions_at(led: NDArray[np.float32]) -> NDArray[np.float32]:
    """Actions chosen at each row, from those that led to each row, [T, A], of one episode.

    What was chosen at the last row is not known, and zero.
    """
    return np.concatenate([led[1:], np.zeros_like(led[:1])])


def actions_led(at: NDArray[np.float32]) -> NDArray[np.float32]:
    """Actions that led to each row, from those chosen at each row, [T, A], of one episode.

    Nothing led to the first row, whose action is zero; that of the last row is dropped.
    """
    return np.concatenate([np.zeros_like(at[:1]), at[:-1]])
