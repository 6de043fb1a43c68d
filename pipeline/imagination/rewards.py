"""Reward terms of velocity tracking by a legged robot, in closed form on its observation groups.

They are those of RWM (Li, Krause & Hutter 2025, arXiv 2501.10100) and of its simulator's task; each
is a rate per second, which `total` multiplies by its weight and by the length of an action.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.episodes.groups import SYSTEM_CONTACT, SYSTEM_STATE
from pipeline.imagination.options import Weights

TOLERANCE = 0.25
"""Squared velocity error at which a tracking reward is down to 1 / e: (m/s)^2 or (rad/s)^2."""
LEAST_COMMAND = 0.1
"""Norm of a command below which the robot should stand, m/s and rad/s."""
STEP_TIME = 0.5
"""Time in the air above which a foot's step is rewarded, s."""
LINEAR, ANGULAR, GRAVITY, POSITION, VELOCITY, TORQUE = (
    SYSTEM_STATE.part(name)
    for name in (
        "base_linear_velocity",
        "base_angular_velocity",
        "projected_gravity",
        "joint_position",
        "joint_velocity",
        "joint_torque",
    )
)
THIGH, FOOT = SYSTEM_CONTACT.part("thigh"), SYSTEM_CONTACT.part("foot")


@dataclass(frozen=True, slots=True)
class Transition:
    """One action of N robots, and what it led to.

    Attributes:
        before: group system_state [N, 45] at which the action was chosen, in its units.
        after: the same [N, 45] one action later.
        action: the action [N, 12].
        last_action: the one before it [N, 12].
        contacts: group system_contact [N, 8] after it, 0 or 1.
        landed: time in the air of each foot that touches the ground again [N, 4], s; 0 of others.
        command: velocities asked for [N, 3]: forwards and to the left in m/s, the turn in rad/s.
        period: length of an action, s.
        epistemic: disagreement of the model's heads [N]; 0 in a simulator.
        fallen: whether the trunk touches the ground after it [N], 0 or 1.
    """

    before: Tensor
    after: Tensor
    action: Tensor
    last_action: Tensor
    contacts: Tensor
    landed: Tensor
    command: Tensor
    period: float
    epistemic: Tensor
    fallen: Tensor


def track_linear_velocity(t: Transition) -> Tensor:
    """1 at the commanded velocity over the ground, exp(-error^2 / TOLERANCE) off it, [N]."""
    error = t.command[:, :2] - t.after[:, LINEAR][:, :2]
    return torch.exp(-error.square().sum(1) / TOLERANCE)


def track_angular_velocity(t: Transition) -> Tensor:
    """1 at the commanded turn, exp(-error^2 / TOLERANCE) off it, [N]."""
    error = t.command[:, 2] - t.after[:, ANGULAR][:, 2]
    return torch.exp(-error.square() / TOLERANCE)


def vertical_velocity(t: Transition) -> Tensor:
    """Squared velocity of the trunk upwards, (m/s)^2 [N]."""
    return t.after[:, LINEAR][:, 2].square()


def roll_and_pitch_velocity(t: Transition) -> Tensor:
    """Squared rate of roll and pitch, (rad/s)^2 [N]."""
    return t.after[:, ANGULAR][:, :2].square().sum(1)


def torque(t: Transition) -> Tensor:
    """Squared torques of all joints, (N m)^2 [N]."""
    return t.after[:, TORQUE].square().sum(1)


def joint_acceleration(t: Transition) -> Tensor:
    """Squared accelerations of all joints, by the difference of velocities, (rad/s^2)^2 [N]."""
    change = t.after[:, VELOCITY] - t.before[:, VELOCITY]
    return (change / t.period).square().sum(1)


def action_rate(t: Transition) -> Tensor:
    """Squared change of the action [N]."""
    return (t.action - t.last_action).square().sum(1)


def feet_air_time(t: Transition) -> Tensor:
    """Over feet that land, their time in the air beyond STEP_TIME, s [N]; 0 where it should stand.

    In reference to the length of steps, so it is per landing: not a rate like the others.
    """
    steps = torch.where(t.landed > 0, t.landed - STEP_TIME, 0.0).sum(1)
    return steps * (t.command[:, :2].norm(dim=1) > LEAST_COMMAND)


def thigh_contacts(t: Transition) -> Tensor:
    """Number of thighs that touch something [N]."""
    return t.contacts[:, THIGH].sum(1)


def stand_still(t: Transition) -> Tensor:
    """Distance of all joints from the default pose where the robot should stand, rad [N]."""
    away = t.after[:, POSITION].abs().sum(1)
    return away * (t.command.norm(dim=1) < LEAST_COMMAND)


def flat_orientation(t: Transition) -> Tensor:
    """Squared horizontal part of gravity in the body frame: 0 upright [N]."""
    return t.after[:, GRAVITY][:, :2].square().sum(1)


def uncertainty(t: Transition) -> Tensor:
    """Disagreement of the model's heads (RWM-U) [N]."""
    return t.epistemic


def fall(t: Transition) -> Tensor:
    """Number of falls, 0 or 1 [N]; per fall, not a rate."""
    return t.fallen


TERMS: Mapping[str, Callable[[Transition], Tensor]] = {
    term.__name__: term
    for term in (
        track_linear_velocity,
        track_angular_velocity,
        vertical_velocity,
        roll_and_pitch_velocity,
        torque,
        joint_acceleration,
        action_rate,
        feet_air_time,
        thigh_contacts,
        stand_still,
        flat_orientation,
        uncertainty,
        fall,
    )
}
"""Every term by its name."""


def total(transition: Transition, weights: Weights) -> tuple[Tensor, dict[str, Tensor]]:
    """The reward of an action [N], and its parts by name, each weighted and times the period."""
    parts = {
        name: getattr(weights, name) * transition.period * term(transition)
        for name, term in TERMS.items()
        if getattr(weights, name)
    }
    zero = torch.zeros_like(transition.epistemic)
    return sum(parts.values(), zero), parts


class AirTime:
    """How long each foot has been in the air, from contacts alone."""

    def __init__(self, robots: int, device: torch.device) -> None:
        """All feet of so many robots are on the ground."""
        self.seconds = torch.zeros(robots, FOOT.stop - FOOT.start, device=device)

    def update(self, contacts: Tensor, period: float) -> Tensor:
        """Take the contacts [N, 8] after an action; the `landed` [N, 4] of its transition."""
        grounded = contacts[:, FOOT] > 0
        self.seconds += period
        # A foot that stayed on the ground has counted this one action: it has not landed.
        landed = torch.where(grounded & (self.seconds > period * 1.5), self.seconds, 0.0)
        self.seconds = torch.where(grounded, 0.0, self.seconds)
        return landed

    def reset(self, rows: Tensor) -> None:
        """Put the feet of robots `rows`, int64 [R], on the ground."""
        self.seconds[rows] = 0.0
