"""Results of planning: success rates with their interval, a CSV row per goal, videos."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median

import numpy as np

from pipeline import stage
from pipeline.metrics.intervals import wilson
from pipeline.metrics.schema.plan import (
    NO_GOALS,
    Controller,
    ControllerRow,
    DistanceBin,
    Listening,
    PlanMetrics,
    PlanSkipped,
    goal_columns,
)
from pipeline.plan.controllers import Run
from pipeline.plan.films import write_no_films
from pipeline.plan.mpc import Mpc
from pipeline.plan.tasks import Task
from pipeline.worlds import World


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of one episode.

    Attributes:
        success: whether the goal was reached within the budget.
        distance: between the final state and the goal, in the world's units.
        steps: environment steps taken.
        scores: what else the world measures of the final state.
    """

    success: bool
    distance: float
    steps: int
    scores: Mapping[str, float] = field(default_factory=dict)


Outcomes = dict[Controller, list[Outcome]]
"""Outcomes by controller, in the order of the tasks."""
BINS = 4
"""Most ranges of distance by which success is told."""


def outcomes_of(world: World, runs: Sequence[Run]) -> list[Outcome]:
    """The outcome of each run."""
    outcomes = []
    for run in runs:
        end, goal = run.states[-1], run.task.goal
        distance, scores = world.distance(end, goal), world.scores(end, goal)
        outcomes.append(Outcome(run.success, distance, run.steps, scores))
    return outcomes


def controller_row(outcomes: Sequence[Outcome], planner: Sequence[Outcome]) -> ControllerRow:
    """One controller on all goals, beside the planner on the same ones."""
    reached = [outcome for outcome in outcomes if outcome.success]
    pairs = [(one.success, other.success) for one, other in zip(planner, outcomes, strict=True)]
    return ControllerRow(
        success_rate=len(reached) / len(outcomes),
        success_interval=wilson(len(reached), len(outcomes)),
        goals=len(outcomes),
        distance=median(outcome.distance for outcome in outcomes),
        steps=median(outcome.steps for outcome in reached) if reached else None,
        won=pairs.count((True, False)),
        lost=pairs.count((False, True)),
        scores={name: mean(o.scores[name] for o in outcomes) for name in outcomes[0].scores},
    )


def by_distance(distances: Sequence[float], outcomes: Outcomes) -> list[DistanceBin]:
    """Success in up to four ranges of the distance at the start, with equally many goals each."""
    order = np.argsort(distances, kind="stable")
    return [
        DistanceBin(
            low=distances[goals[0]],
            high=distances[goals[-1]],
            goals=len(goals),
            success={
                name: sum(by_goal[goal].success for goal in goals) / len(goals)
                for name, by_goal in outcomes.items()
            },
        )
        for goals in np.array_split(order, min(BINS, len(order)))
    ]


def summary(
    world: World,
    tasks: Sequence[Task],
    outcomes: Outcomes,
    solved: int,
    listening: Listening | None,
    planner: Mpc,
) -> PlanMetrics:
    """metrics/plan.json.

    Args:
        world: measures the distances.
        tasks: the goals.
        outcomes: on them, by controller.
        solved: goals left out because their start already solves them.
        listening: of the model.
        planner: has counted its searches, and timed them.
    """
    reached = outcomes["planner"]
    distances = [world.distance(task.start, task.goal) for task in tasks]
    return PlanMetrics(
        goals=len(tasks),
        solved_at_start=solved,
        controllers={name: controller_row(each, reached) for name, each in outcomes.items()},
        by_distance=by_distance(distances, outcomes),
        listening=listening,
        seconds_per_replan=planner.seconds / planner.replans,
        cpu_seconds_per_replan=planner.cpu_seconds / planner.replans,
    )


def in_words(scores: PlanMetrics) -> str:
    """How many goals the planner reaches, and controllers that need no model."""
    names = (("straight", "going straight"), ("nearest", "the nearest stretch"))
    others = [
        f"{scores.controllers[name].success_rate:.0%} by {words}"
        for name, words in names
        if name in scores.controllers
    ]
    return ", ".join([f"{scores.goals} goals, {scores.planner.success_rate:.0%} reached", *others])


def write_skipped(reason: str, metrics: Path, goals: Path, films: Path) -> None:
    """Empty outputs of a stage that cannot plan, with the reason in metrics/plan.json."""
    PlanSkipped(goals=0, skipped=reason).write(metrics)
    with stage.output(goals) as partial:
        partial.write_text(f"{','.join(NO_GOALS)}\n")
    write_no_films(films)


def write_rows(world: World, tasks: Sequence[Task], outcomes: Outcomes, path: Path) -> None:
    """A CSV row per goal: distance at the start, then success, distance and steps by controller."""
    with stage.output(path) as partial, partial.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(goal_columns(outcomes))
        for number, task in enumerate(tasks):
            row: list[object] = [task.episode, task.step]
            row.append(f"{world.distance(task.start, task.goal):.4f}")
            for by_task in outcomes.values():
                outcome = by_task[number]
                row += [int(outcome.success), f"{outcome.distance:.4f}", outcome.steps]
            rows.writerow(row)
