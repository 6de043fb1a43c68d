"""What an environment draws at its reset: a start, and a goal at random or a reachable one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.episode import Meta
from pipeline.errors import UserError
from pipeline.worlds import World

TRIES = 200
"""Random tasks, or episodes, in which no task may be as wanted, one after another."""

State = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Task:
    """A start, a goal, and the meta of the episode that both are from.

    Attributes:
        start: state [S].
        goal: state [S].
        meta: what the world needs to restore them.
        actions: from the start to the goal [n, A]; none are known of a random goal.
    """

    start: State
    goal: State
    meta: Meta
    actions: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Goals:
    """Which goals are drawn.

    Attributes:
        steps: the least and the most steps in which the collection policy reached them from the
            start; None for goals as `World.sample` draws them, which may be far or unreachable.
        detour: whether only goals count to which the straight way is blocked (`World.detour`).
    """

    steps: tuple[int, int] | None = None
    detour: bool = False

    def draw(self, world: World, rng: np.random.Generator) -> Task:
        """A task whose goal is not reached at its start.

        Raises:
            UserError: such tasks are too rare, or there are none in this world.
        """
        if self.detour and not world.obstacles:
            raise UserError("detour = True, but nothing is in the way in this world; leave it out")
        for _ in range(TRIES):
            for task in self._candidates(world, rng):
                if not world.success(task.start, task.goal) and self._leads_round(world, task):
                    return _replayed(world, task)
        raise UserError(
            f"goal_steps = {self.steps}, detour = {self.detour}: none of {TRIES} draws holds such "
            "a task; raise goal_steps, or do without detour"
        )

    def _candidates(self, world: World, rng: np.random.Generator) -> Iterator[Task]:
        """A random task, or those that one episode of the collection policy holds, shuffled."""
        if self.steps is None:
            yield Task(*world.sample(rng))
            return
        low, high = self.steps
        seed = int(rng.integers(2**31))
        episode = next(iter(world.collect(1, 2 * high + 1, seed)))
        pairs = [(first, count) for first in range(high + 1) for count in range(low, high + 1)]
        for first, count in rng.permutation(pairs):
            start, actions = episode.states[first], episode.actions[first : first + count]
            yield Task(start, episode.states[first + count], episode.meta, actions)

    def _leads_round(self, world: World, task: Task) -> bool:
        if not self.detour:
            return True
        world.restore(task.start, task.meta)
        return world.detour(task.goal)


def checked_goals(steps: Any, detour: Any) -> Goals:
    """Goals from options.

    Args:
        steps: None, the most steps, or the least and the most.
        detour: whether the straight way has to be blocked.

    Raises:
        UserError: they are none.
    """
    pair = (1, steps) if isinstance(steps, int) else steps
    whole = isinstance(pair, tuple | list) and all(isinstance(step, int) for step in pair)
    if steps is not None and not (whole and len(pair) == 2 and 1 <= pair[0] <= pair[1]):
        raise UserError(
            f"goal_steps = {steps!r} must be None, the most steps to a goal, such as 25, or the "
            "least and the most, such as (20, 45)"
        )
    if not isinstance(detour, bool):
        raise UserError(f"detour = {detour!r} must be True or False")
    return Goals(None if steps is None else (pair[0], pair[1]), detour)


def _replayed(world: World, task: Task) -> Task:
    """The task with the goal to which its actions lead from the restored start: exactly there."""
    if task.actions is None:
        return task
    goal = world.simulate(task.start, task.meta, task.actions[None])[0, -1]
    return replace(task, goal=goal)
