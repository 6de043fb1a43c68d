"""Planning tasks: a recorded start state, and the state that its recorded actions lead to."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.episode import Meta
from pipeline.errors import DataError, ParamsError
from pipeline.latents.cache import LatentCache
from pipeline.worlds import World

MAX_REJECTIONS = 100
"""Starts per task that may turn out solved already."""


@dataclass(frozen=True, slots=True)
class Task:
    """A start and a goal.

    Attributes:
        episode: key of the recorded episode.
        step: frame of the episode at which the task starts.
        start: state [S] at that frame.
        actions: the next recorded actions [goal_steps, A].
        goal: state [S] after replaying them in the simulator.
        goal_frame: uint8 [H, W, 3], rendered in the goal state.
        meta: what the world needs to restore the episode's states.
    """

    episode: str
    step: int
    start: NDArray[np.float32]
    actions: NDArray[np.float32]
    goal: NDArray[np.float32]
    goal_frame: NDArray[np.uint8]
    meta: Meta


def draw_tasks(
    world: World, cache: LatentCache, count: int, steps: int, seed: int
) -> tuple[list[Task], int]:
    """`count` tasks from validation episodes, and how many were rejected: solved at the start.

    Goals are replayed in the simulator, not taken from the recording, so that they are reachable.

    Raises:
        ParamsError: no validation episode is longer than `steps`.
        DataError: nearly all tasks are solved at the start.
    """
    rng = np.random.default_rng(seed)
    lengths = {episode: cache.seal.episodes[episode].length for episode in cache.episodes("val")}
    episodes = [episode for episode, length in lengths.items() if length > steps]
    if not episodes:
        raise ParamsError(
            f"plan.goal_frames puts goals {steps} steps from the start, but the longest validation "
            f"episode in {cache.path} has {max(lengths.values())} frames; lower it"
        )
    tasks: list[Task] = []
    rejected = 0
    while len(tasks) < count:
        task = _draw(world, cache, int(rng.choice(episodes)), steps, rng)
        if world.success(task.start, task.goal):
            rejected += 1
            if rejected > MAX_REJECTIONS * count:
                raise DataError(
                    f"{cache.path}: {rejected} tasks with goals {steps} steps away were solved at "
                    "the start; raise plan.goal_frames"
                )
        else:
            tasks.append(task)
    return tasks, rejected


def _draw(
    world: World, cache: LatentCache, episode: int, steps: int, rng: np.random.Generator
) -> Task:
    """A task at a random frame of an episode, its goal replayed."""
    entry = cache.seal.episodes[episode]
    step = int(rng.integers(entry.length - steps))
    first = int(cache.starts[episode]) + step
    start, actions = cache.states[first], cache.actions[first : first + steps]
    world.restore(start, entry.meta)
    for action in actions:
        world.step(action)
    goal, frame = world.snapshot(), world.render()
    return Task(entry.key, step, start, actions, goal, frame, entry.meta)
