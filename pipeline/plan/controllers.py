"""Controllers, and episodes of a controller on tasks, in lockstep."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipeline.plan.tasks import Task
from pipeline.worlds import World


@dataclass(frozen=True, slots=True)
class Replan:
    """One plan.

    Attributes:
        step: environment step at which it begins.
        imagined: latents [H, C, h, w] that the model predicts under the plan.
        costs: lowest cost of each round's candidates, [rounds]; its own, [1], without a search.
    """

    step: int
    imagined: Tensor
    costs: Tensor


@dataclass(slots=True)
class Run:
    """An episode under way, or its end.

    Attributes:
        number: of the task.
        task: what is to be reached.
        states: after each environment step, the start first, [S] each.
        actions: taken so far, [A] each.
        success: whether the goal was reached.
        plan: standardised rest of the last plan [H, interval x A]; None before the first.
        replans: of a controller that keeps them.
    """

    number: int
    task: Task
    states: list[NDArray[np.float32]]
    actions: list[NDArray[np.float32]] = field(default_factory=list)
    success: bool = False
    plan: Tensor | None = None
    replans: list[Replan] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """Environment steps taken."""
        return len(self.actions)


class Controller(Protocol):
    """A policy that acts in chunks: MPC or a baseline."""

    def act(self, runs: Sequence[Run], budget: int) -> Sequence[NDArray[np.float32]]:
        """The next actions [n, A] of each run in the world's units; `budget` steps are left."""


Rule = Literal["step", "chunk", "end"]


def attempt(
    world: World,
    tasks: Sequence[Task],
    controller: Controller,
    budget: int,
    rule: Rule,
    first: int = 0,
) -> list[Run]:
    """Run a controller on all tasks until goals are reached or `budget` steps are spent.

    Every chunk starts from the state that the world restores. `rule` says when a goal counts as
    reached: after any step, after a chunk, or at the end of the budget alone. Tasks are numbered
    from `first` on.
    """
    runs = [Run(number, task, [task.start]) for number, task in enumerate(tasks, first)]
    while active := [run for run in runs if not run.success and run.steps < budget]:
        chunks = controller.act(active, budget - active[0].steps)
        for run, chunk in zip(active, chunks, strict=True):
            _execute(world, run, chunk[: budget - run.steps], rule)
    if rule == "end":
        for run in runs:
            run.success = world.success(run.states[-1], run.task.goal)
    return runs


def _execute(world: World, run: Run, chunk: NDArray[np.float32], rule: Rule) -> None:
    world.restore(run.states[-1], run.task.meta)
    for action in chunk:
        world.step(action)
        run.states.append(world.snapshot())
        run.actions.append(action)
        if rule == "step" and world.success(run.states[-1], run.task.goal):
            run.success = True
            return
    if rule == "chunk":
        run.success = world.success(run.states[-1], run.task.goal)


@dataclass(frozen=True, slots=True)
class Replay:
    """Upper bound: the recorded actions that lead to the goal, then no more movement."""

    steps: int

    def act(self, runs: Sequence[Run], budget: int) -> Sequence[NDArray[np.float32]]:
        """The next `steps` recorded actions [steps, A]; zeros once they are used up."""
        rest = [run.task.actions[run.steps :][: self.steps] for run in runs]
        return [np.pad(part, ((0, self.steps - len(part)), (0, 0))) for part in rest]


@dataclass(frozen=True, slots=True)
class NoOp:
    """Lower bound: zero actions, in chunks of `steps`."""

    steps: int

    def act(self, runs: Sequence[Run], budget: int) -> Sequence[NDArray[np.float32]]:
        """Zeros [steps, A]."""
        return [np.zeros((self.steps, run.task.actions.shape[1]), np.float32) for run in runs]


@dataclass(frozen=True, slots=True)
class RandomReplay:
    """Chance level: action chunks recorded in other, random episodes."""

    chunks: Iterator[NDArray[np.float32]]

    def act(self, runs: Sequence[Run], budget: int) -> Sequence[NDArray[np.float32]]:
        """The next chunks [n, A]."""
        return [next(self.chunks) for _ in runs]


@dataclass(frozen=True, slots=True)
class Straight:
    """A trivial controller: straight to the goal, in chunks of `steps`."""

    world: World
    steps: int

    def act(self, runs: Sequence[Run], budget: int) -> Sequence[NDArray[np.float32]]:
        """Actions [steps, A], each of the state that those before it lead to."""
        return [self._actions(run) for run in runs]

    def _actions(self, run: Run) -> NDArray[np.float32]:
        self.world.restore(run.states[-1], run.task.meta)
        actions: list[NDArray[np.float32]] = []
        for _ in range(self.steps):
            action = self.world.straight(run.task.goal)
            if action is None:
                raise ValueError("the world has no straight controller")
            actions.append(action)
            self.world.step(action)
        return np.stack(actions)


@dataclass(frozen=True, slots=True)
class Proposed:
    """Imitation: executes the first `frames` model frames of what `propose` returns, every time.

    Attributes:
        propose: runs and the budget of steps left to actions [B, H, interval, A].
        frames: executed of each proposal.
    """

    propose: Callable[[Sequence[Run], int], NDArray[np.float32]]
    frames: int

    def act(self, runs: Sequence[Run], budget: int) -> Sequence[NDArray[np.float32]]:
        """The first actions [frames x interval, A] of a proposal for each run."""
        actions = self.propose(runs, budget)[:, : self.frames]
        return list(actions.reshape(len(runs), -1, actions.shape[-1]))
