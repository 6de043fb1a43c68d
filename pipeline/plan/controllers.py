"""Trying a controller on a task: act, look, and stop at the goal or when the budget is spent."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.plan.tasks import Task
from pipeline.worlds import World


class Controller(Protocol):
    """Decides what to do next."""

    def act(self, frame: NDArray[np.uint8], task: Task) -> NDArray[np.float32]:
        """The next actions [n, A] in the world's units, given the present frame [H, W, 3]."""


@dataclass(slots=True)
class Outcome:
    """How one try ended.

    Attributes:
        success: whether the goal was reached within the budget.
        distance: from the goal at the end, in the world's units.
        steps: environment steps taken.
        frames: uint8 [steps + 1, H, W, 3], if asked for.
    """

    success: bool
    distance: float
    steps: int
    frames: list[NDArray[np.uint8]] = field(default_factory=list)


def attempt(
    world: World, task: Task, controller: Controller, budget: int, *, film: bool = False
) -> Outcome:
    """One try, in which success is looked for whenever the controller has acted."""
    world.restore(task.start, task.meta)
    frames = [world.render()]
    steps, reached = 0, False
    while steps < budget and not reached:
        for action in controller.act(frames[-1], task)[: budget - steps]:
            world.step(action)
            steps += 1
            if film:
                frames.append(world.render())
        if not film:
            frames = [world.render()]
        reached = world.success(world.snapshot(), task.goal)
    distance = world.distance(world.snapshot(), task.goal)
    return Outcome(reached, distance, steps, frames if film else [])


@dataclass(frozen=True, slots=True)
class Replay:
    """Repeats the recorded actions: what is possible."""

    def act(self, frame: NDArray[np.uint8], task: Task) -> NDArray[np.float32]:
        """All recorded actions at once."""
        return task.actions


@dataclass(frozen=True, slots=True)
class NoOp:
    """Does nothing: what comes for free."""

    steps: int

    def act(self, frame: NDArray[np.uint8], task: Task) -> NDArray[np.float32]:
        """Zeros."""
        return np.zeros((self.steps, task.actions.shape[1]), np.float32)


@dataclass(frozen=True, slots=True)
class Recorded:
    """Plays stretches of other recorded episodes: what chance achieves with sensible motions."""

    stretches: Iterator[NDArray[np.float32]]

    def act(self, frame: NDArray[np.uint8], task: Task) -> NDArray[np.float32]:
        """The next stretch [n, A]."""
        return next(self.stretches)
