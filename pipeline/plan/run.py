"""The stage: draw tasks, measure whether the model listens, run all controllers, write results."""

import sys
from pathlib import Path

from pipeline.metrics.schema.plan import PlanMetrics
from pipeline.plan import results
from pipeline.plan.build import Parts, build_controllers
from pipeline.plan.films import chosen, write_films
from pipeline.plan.listening import measure_listening, remark
from pipeline.plan.measure import Codec
from pipeline.plan.plan import by_name, plan
from pipeline.plan.spread import Elsewhere
from pipeline.plan.tasks import TaskSource


def run(
    parts: Parts, metrics: Path, goals: Path, films: Path, elsewhere: Elsewhere | None = None
) -> PlanMetrics:
    """Plan, and write metrics/plan.json, plan_goals.csv and films.npz.

    Args:
        parts: what controllers are built of.
        metrics: JSON file.
        goals: CSV file.
        films: NPZ file.
        elsewhere: further processes; None: there are none.

    Raises:
        ParamsError: params ask for what the data cannot give, or the goals are too easy.
        DataError: nearly all draws of tasks are solved at the start.
    """
    world, cache, model, options = parts.world, parts.cache, parts.model, parts.options
    source = TaskSource(
        world, cache, options.goals, model.config.interval, options.context, options.seed
    )
    tasks = source.draw()
    built = build_controllers(parts)
    controllers = by_name(world, cache, tasks, built, options)
    listening = measure_listening(model, cache, parts.sampling, options.seed)
    if listening is not None and (line := remark(listening)) is not None:
        print(f"plan: {line}", file=sys.stderr)
    budget = options.budget_frames * model.config.interval
    attempts = None if elsewhere is None else elsewhere.attempts(built.planner, budget)
    if attempts is None:
        built.proposer.stretches.prepare()
    runs = plan(world, tasks, controllers, budget, options, attempts)
    outcomes = {name: results.outcomes_of(world, each) for name, each in runs.items()}
    scores = results.summary(world, tasks, outcomes, source.solved, listening, built.planner)
    scores.write(metrics)
    results.write_rows(world, tasks, outcomes, goals)
    codec = Codec(parts.encoder, model.spec, options.batch)
    filmed = chosen(runs["planner"], options.recorded)
    write_films(world, codec, filmed, model.config.interval, films)
    return scores
