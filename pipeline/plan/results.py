"""Results of planning: success rates with their interval, a CSV row per goal, videos."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline import stage
from pipeline.metrics.schema.plan import NO_GOALS, PlanMetrics, PlanSkipped, goal_columns
from pipeline.plan.controllers import Outcome
from pipeline.plan.tasks import Task
from pipeline.worlds import World

Outcomes = dict[str, list[Outcome]]
"""Outcomes by controller, in the order of the tasks."""


def rate(outcomes: Sequence[Outcome]) -> float:
    """Success rate, 0..1."""
    return sum(outcome.success for outcome in outcomes) / len(outcomes)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """95 % Wilson score interval of a success rate (Wilson 1927)."""
    z, rate = 1.959964, successes / trials
    centre = rate + z**2 / (2 * trials)
    half = z * math.sqrt(rate * (1 - rate) / trials + z**2 / (4 * trials**2))
    scale = 1 + z**2 / trials
    low, high = (centre - half) / scale, (centre + half) / scale
    # At a rate of 0 or 1 the bound is that rate, up to rounding.
    return min(max(low, 0.0), rate), max(min(high, 1.0), rate)


def summary(outcomes: Outcomes, solved: int, seconds: Sequence[float]) -> PlanMetrics:
    """Success rates of all controllers; `seconds` are those of each replanning."""
    planner = outcomes["planner"]
    return PlanMetrics(
        success_rate=rate(planner),
        success_interval=wilson(sum(o.success for o in planner), len(planner)),
        random_success_rate=rate(outcomes["random"]),
        noop_success_rate=rate(outcomes["noop"]),
        replay_success_rate=rate(outcomes["replay"]),
        goals=len(planner),
        solved_at_start=solved,
        seconds_per_replan=sum(seconds) / len(seconds),
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
