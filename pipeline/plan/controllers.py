"""Controllers, and one episode of a controller on a task."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.plan.tasks import Task
from pipeline.worlds import World


class Controller(Protocol):
    """A policy that acts in chunks: MPC or a baseline."""

    def act(self, frame: NDArray[np.uint8], task: Task) -> NDArray[np.float32]:
        """The next actions [n, A] in the world's units, given the current frame [H, W, 3]."""


@dataclass(slots=True)
class Outcome:
    """Result of one episode.

    Attributes:
        success: whether the goal was reached within the budget.
        distance: between the final state and the goal, in the world's units.
        steps: environment steps taken.
        frames: steps + 1 frames uint8 [H, W, 3] if recorded, else none.
    """

    success: bool
    distance: float
    steps: int
    frames: list[NDArray[np.uint8]] = field(default_factory=list)


def attempt(
    world: World, task: Task, controller: Controller, budget: int, *, record: bool = False
) -> Outcome:
    """Run a controller until the goal is reached or `budget` environment steps are spent.

    Success is tested after each chunk of actions, not within it. `record` keeps every frame.
    """
    world.restore(task.start, task.meta)
    frames = [world.render()]
    steps, reached = 0, False
    while steps < budget and not reached:
        for action in controller.act(frames[-1], task)[: budget - steps]:
            world.step(action)
            steps += 1
            if record:
                frames.append(world.render())
        if not record:
            frames = [world.render()]
        reached = world.success(world.snapshot(), task.goal)
    distance = world.distance(world.snapshot(), task.goal)
    return Outcome(reached, distance, steps, frames if record else [])


@dataclass(frozen=True, slots=True)
class Replay:
    """Upper bound: the recorded actions that lead to the goal."""

    def act(self, frame: NDArray[np.uint8], task: Task) -> NDArray[np.float32]:
        """All recorded actions [goal_steps, A] at once."""
        return task.actions


@dataclass(frozen=True, slots=True)
class NoOp:
    """Lower bound: zero actions, in chunks of `steps`."""

    steps: int

    def act(self, frame: NDArray[np.uint8], task: Task) -> NDArray[np.float32]:
        """Zeros [steps, A]."""
        return np.zeros((self.steps, task.actions.shape[1]), np.float32)


@dataclass(frozen=True, slots=True)
class RandomReplay:
    """Chance level: action chunks recorded in other, random episodes."""

    chunks: Iterator[NDArray[np.float32]]

    def act(self, frame: NDArray[np.uint8], task: Task) -> NDArray[np.float32]:
        """The next chunk [n, A]."""
        return next(self.chunks)
