"""Walks in the simulator: how far a controller gets, and how often it falls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.episodes.episode import Meta
from pipeline.episodes.groups import CONTACT, STATE, TERMINATION
from pipeline.imagination.options import Weights
from pipeline.imagination.rewards import ANGULAR, GRAVITY, LINEAR, AirTime, Transition, total
from pipeline.metrics.bootstrap import mean_intervals
from pipeline.metrics.intervals import wilson
from pipeline.metrics.schema.policy import Walking
from pipeline.worlds import World


@dataclass(slots=True)
class Walk:
    """An episode as it goes on: states [S] and the actions [12] between them."""

    command: Tensor
    states: list[NDArray[np.float32]]
    actions: list[NDArray[np.float32]] = field(default_factory=list)

    @property
    def fell(self) -> bool:
        """Whether the trunk touches the ground."""
        return bool(self.states[-1][TERMINATION].any())


Controller = Callable[[Sequence[Walk]], Tensor]
"""Walks to the next action of each, [B, 12]."""


def command_of(meta: Meta) -> Tensor:
    """The velocities that an episode asks for, [3]."""
    return torch.tensor([float(meta[name]) for name in ("vx", "vy", "wz")])


def walks(worlds: Sequence[World], controller: Controller, steps: int, seed: int) -> list[Walk]:
    """One episode in each world, from the same starts for the same seed."""
    begun = []
    for number, world in enumerate(worlds):
        start, _, meta = world.sample(np.random.default_rng([seed, number]))
        world.restore(start, meta)
        begun.append(Walk(command_of(meta), [world.snapshot()]))
    for _ in range(steps):
        on = [number for number, walk in enumerate(begun) if not walk.fell]
        if not on:
            break
        actions = controller([begun[number] for number in on]).numpy()
        for number, action in zip(on, actions, strict=True):
            worlds[number].step(action)
            begun[number].actions.append(action)
            begun[number].states.append(worlds[number].snapshot())
    return begun


def distance(states: NDArray[np.float32], period: float) -> float:
    """How far the trunk gets over the ground, in a straight line, m.

    It follows from the velocities of states [T, >= 45], by the trapezoid rule.
    """
    velocity, turning = states[:, LINEAR].astype(np.float64), states[:, ANGULAR].astype(np.float64)
    down = states[:, GRAVITY].astype(np.float64)
    yaw = -(turning * down).sum(1)
    heading = np.concatenate([[0.0], np.cumsum((yaw[1:] + yaw[:-1]) / 2 * period)])
    # The level frame: x is the trunk's forward axis, laid flat.
    forward = np.array([1.0, 0.0, 0.0]) - down * down[:, :1]
    forward /= np.linalg.norm(forward, axis=1, keepdims=True).clip(1e-9)
    ahead = (velocity * forward).sum(1)
    aside = (velocity * np.cross(-down, forward)).sum(1)
    east = ahead * np.cos(heading) - aside * np.sin(heading)
    north = ahead * np.sin(heading) + aside * np.cos(heading)
    way = [np.sum((v[1:] + v[:-1]) / 2 * period) for v in (east, north)]
    return float(np.hypot(*way))


def scored(walks: Sequence[Walk], weights: Weights, period: float) -> Walking:
    """How a controller did in some walks."""
    rows = [np.stack(walk.states) for walk in walks]
    distances = torch.tensor([distance(states, period) for states in rows], dtype=torch.float64)
    errors = [
        float((torch.from_numpy(states[:, LINEAR][:, :2]) - walk.command[:2]).norm(dim=1).mean())
        for states, walk in zip(rows, walks, strict=True)
    ]
    rewards = [_reward(walk, weights, period) for walk in walks]
    fell = sum(walk.fell for walk in walks)
    low, high = mean_intervals(distances).tolist()
    return Walking(
        episodes=len(walks),
        distance=float(distances.mean()),
        distance_interval=(low, high),
        falls=fell / len(walks),
        falls_interval=wilson(fell, len(walks)),
        seconds=float(np.mean([(len(states) - 1) * period for states in rows])),
        velocity_error=float(np.mean(errors)),
        reward=float(np.mean(rewards)),
    )


def transition(
    before: Tensor, after: Tensor, actions: Tensor, last: Tensor, command: Tensor, air: AirTime,
    period: float,
) -> Transition:  # fmt: skip
    """A simulated step of N robots, from states [N, S] to states [N, S]."""
    return Transition(
        before=before[:, STATE],
        after=after[:, STATE],
        action=actions,
        last_action=last,
        contacts=after[:, CONTACT],
        landed=air.update(after[:, CONTACT], period),
        command=command,
        period=period,
        epistemic=torch.zeros(len(after)),
        fallen=after[:, TERMINATION][:, 0],
    )


def _reward(walk: Walk, weights: Weights, period: float) -> float:
    """Mean reward of a second."""
    states = torch.from_numpy(np.stack(walk.states))
    actions = torch.from_numpy(np.stack([np.zeros_like(walk.actions[0]), *walk.actions]))
    air, sums = AirTime(1, torch.device("cpu")), 0.0
    for row in range(len(actions) - 1):
        step = transition(
            states[row, None], states[row + 1, None], actions[row + 1, None], actions[row, None],
            walk.command[None], air, period,
        )  # fmt: skip
        sums += float(total(step, weights)[0])
    return sums / ((len(actions) - 1) * period)
