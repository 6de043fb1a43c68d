"""Run every controller on every task."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline import stage
from pipeline.latents.cache import LatentCache
from pipeline.metrics.schema.plan import PlanMetrics
from pipeline.plan import Options, results
from pipeline.plan.controllers import Controller, NoOp, RandomReplay, Replay, attempt
from pipeline.plan.mpc import Mpc
from pipeline.plan.tasks import Task, draw_tasks
from pipeline.worlds import World


def plan(
    world: World, cache: LatentCache, mpc: Mpc, options: Options
) -> tuple[list[Task], results.Outcomes, PlanMetrics]:
    """The tasks, the outcome of each controller on each task, and metrics/plan.json."""
    frame_interval = mpc.model.config.interval
    steps = options.goal_frames * frame_interval
    budget = options.budget_frames * frame_interval
    tasks, solved = draw_tasks(world, cache, options.goals, steps, options.seed)
    chunk = options.execute * frame_interval
    controllers: dict[str, Controller] = {
        "planner": mpc,
        "random": RandomReplay(_random_chunks(cache, chunk, options.seed)),
        "noop": NoOp(chunk),
        "replay": Replay(),
    }
    outcomes: results.Outcomes = {name: [] for name in controllers}
    for number, task in enumerate(stage.track(tasks, "plan")):
        for name, controller in controllers.items():
            record = name == "planner" and number < options.recorded
            outcome = attempt(world, task, controller, budget, record=record)
            outcomes[name].append(outcome)
    return tasks, outcomes, results.summary(outcomes, solved, mpc.seconds)


def _random_chunks(cache: LatentCache, steps: int, seed: int) -> Iterator[NDArray[np.float32]]:
    """Endless chunks [steps, A] of the actions of random training episodes."""
    rng = np.random.default_rng(seed)
    episodes = cache.episodes("train")
    while True:
        episode = int(rng.choice(episodes))
        offset = int(rng.integers(cache.seal.episodes[episode].length - steps + 1))
        first = int(cache.starts[episode]) + offset
        yield cache.actions[first : first + steps]
