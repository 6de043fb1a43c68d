"""Results of planning: success rates with their interval, a CSV row per goal, videos."""

import csv
from collections.abc import Sequence
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
    PlanMetrics,
    PlanSkipped,
    goal_columns,
)
from pipeline.plan.controllers import Outcome
from pipeline.plan.tasks import Task
from pipeline.worlds import World

Outcomes = dict[Controller, list[Outcome]]
"""Outcomes by controller, in the order of the tasks."""
BINS = 4
"""Most ranges of distance by which success is told."""


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
    seconds: Sequence[float],
    cpu_seconds: Sequence[float],
) -> PlanMetrics:
    """metrics/plan.json.

    Args:
        world: measures the distances.
        tasks: the goals.
        outcomes: on them, by controller.
        solved: goals left out because their start already solves them.
        seconds: of each replanning, wall clock.
        cpu_seconds: the same, of all threads.
    """
    planner = outcomes["planner"]
    distances = [world.distance(task.start, task.goal) for task in tasks]
    return PlanMetrics(
        goals=len(planner),
        solved_at_start=solved,
        controllers={name: controller_row(each, planner) for name, each in outcomes.items()},
        by_distance=by_distance(distances, outcomes),
        seconds_per_replan=mean(seconds),
        cpu_seconds_per_replan=mean(cpu_seconds),
    )


def write_skipped(reason: str, metrics: Path, goals: Path, videos: Path) -> None:
    """Empty outputs of a stage that cannot plan, with the reason in metrics/plan.json."""
    PlanSkipped(goals=0, skipped=reason).write(metrics)
    with stage.output(goals) as partial:
        partial.write_text(f"{','.join(NO_GOALS)}\n")
    with stage.output(videos) as partial, partial.open("wb") as file:
        frames = np.zeros((0, 1, 1, 1, 3), np.uint8)
        none = np.zeros(0, bool)
        np.savez_compressed(file, frames=frames, lengths=none, goals=frames[:, 0], success=none)


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


def write_videos(tasks: Sequence[Task], outcomes: Sequence[Outcome], path: Path) -> None:
    """Frames [E, T, H, W, 3] of recorded episodes, the last one repeated, and their goals."""
    recorded = [(task, o) for task, o in zip(tasks, outcomes, strict=True) if o.frames]
    longest = max(len(outcome.frames) for _, outcome in recorded)
    videos = [o.frames + [o.frames[-1]] * (longest - len(o.frames)) for _, o in recorded]
    with stage.output(path) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            frames=np.stack([np.stack(video) for video in videos]),
            lengths=np.array([len(o.frames) for _, o in recorded]),
            goals=np.stack([task.goal_frame for task, _ in recorded]),
            success=np.array([o.success for _, o in recorded]),
        )
