"""Planning tasks: a recorded start, and as goal where the recorded actions lead from there."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.episode import Meta
from pipeline.errors import DataError, ParamsError
from pipeline.latents.cache import LatentCache
from pipeline.worlds import World

TRIES = 100


@dataclass(frozen=True, slots=True)
class Task:
    """One goal to reach.

    Attributes:
        episode: key of the recorded episode.
        step: its frame at which the task starts.
        start: state [S] there.
        actions: recorded actions [goal_steps, A] from there on.
        goal: state [S] after replaying them in the simulator.
        goal_frame: uint8 [H, W, 3] there.
        meta: what restores the episode.
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
    """`count` tasks from validation episodes, and how many were refused as solved at the start.

    The goal is the replayed state and frame, never the recorded one: it can be reached.
    """
    rng = np.random.default_rng(seed)
    lengths = {episode: cache.seal.episodes[episode].length for episode in cache.of("val")}
    episodes = [episode for episode, length in lengths.items() if length > steps]
    if not episodes:
        raise ParamsError(
            f"plan.goal_frames lie {steps} steps from their start, but the longest validation "
            f"episode in {cache.path} has {max(lengths.values())} frames; lower it"
        )
    tasks: list[Task] = []
    refused = 0
    while len(tasks) < count:
        task = _draw(world, cache, int(rng.choice(episodes)), steps, rng)
        if world.success(task.start, task.goal):
            refused += 1
            if refused > TRIES * count:
                raise DataError(
                    f"{cache.path}: {refused} of its starts are {steps} steps from a goal that is "
                    "solved already; raise plan.goal_frames"
                )
        else:
            tasks.append(task)
    return tasks, refused


def _draw(
    world: World, cache: LatentCache, episode: int, steps: int, rng: np.random.Generator
) -> Task:
    entry = cache.seal.episodes[episode]
    step = int(rng.integers(entry.length - steps))
    first = int(cache.starts[episode]) + step
    start, actions = cache.states[first], cache.actions[first : first + steps]
    world.restore(start, entry.meta)
    for action in actions:
        world.step(action)
    goal, frame = world.snapshot(), world.render()
    return Task(entry.key, step, start, actions, goal, frame, entry.meta)
