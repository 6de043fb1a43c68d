"""Run every controller on every task."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline import stage
from pipeline.errors import ParamsError
from pipeline.latents.cache import LatentCache
from pipeline.metrics.schema.plan import Controller as Name
from pipeline.metrics.schema.plan import PlanMetrics
from pipeline.plan import Options, results
from pipeline.plan.controllers import Controller, NoOp, RandomReplay, Replay, attempt
from pipeline.plan.mpc import Mpc
from pipeline.plan.tasks import Task, draw_tasks
from pipeline.worlds import World


def plan(
    world: World, cache: LatentCache, mpc: Mpc, options: Options
) -> tuple[list[Task], results.Outcomes, PlanMetrics]:
    """The tasks, the outcome of each controller on each task, and metrics/plan.json.

    Raises:
        ParamsError: goals are further away, or chunks of a plan longer, than any episode is long.
        DataError: nearly all tasks are solved at the start.
    """
    frame_interval = mpc.model.config.interval
    steps = options.goal_frames * frame_interval
    budget = options.budget_frames * frame_interval
    tasks, solved = draw_tasks(world, cache, options.goals, steps, options.seed)
    chunk = options.execute * frame_interval
    random = _random_chunks(cache, _long_enough(cache, chunk), chunk, options.seed)
    controllers: dict[Name, Controller] = {
        "planner": mpc,
        "noop": NoOp(chunk),
        "random": RandomReplay(random),
        "replay": Replay(),
    }
    outcomes: results.Outcomes = {name: [] for name in controllers}
    for number, task in enumerate(stage.track(tasks, "plan")):
        for name, controller in controllers.items():
            record = name == "planner" and number < options.recorded
            outcome = attempt(world, task, controller, budget, record=record)
            outcomes[name].append(outcome)
    scores = results.summary(world, tasks, outcomes, solved, mpc.seconds, mpc.cpu_seconds)
    return tasks, outcomes, scores


def _long_enough(cache: LatentCache, steps: int) -> list[int]:
    """Training episodes of at least `steps` frames.

    Raises:
        ParamsError: there is none.
    """
    lengths = {episode: cache.seal.episodes[episode].length for episode in cache.episodes("train")}
    episodes = [episode for episode, length in lengths.items() if length >= steps]
    if not episodes:
        raise ParamsError(
            f"plan.execute x interval = {steps} steps, but the longest training episode in "
            f"{cache.path} has {max(lengths.values())} frames; lower it"
        )
    return episodes


def _random_chunks(
    cache: LatentCache, episodes: list[int], steps: int, seed: int
) -> Iterator[NDArray[np.float32]]:
    """Endless chunks [steps, A] of the actions of random ones of these episodes."""
    rng = np.random.default_rng(seed)
    while True:
        episode = int(rng.choice(episodes))
        offset = int(rng.integers(cache.seal.episodes[episode].length - steps + 1))
        first = int(cache.starts[episode]) + offset
        yield cache.actions[first : first + steps]
