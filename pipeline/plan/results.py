"""What planning achieved: rates with their interval, a row for every goal, filmed episodes."""

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
"""Of each controller, one for each task."""


def rate(outcomes: Sequence[Outcome]) -> float:
    """Share of successes."""
    return sum(outcome.success for outcome in outcomes) / len(outcomes)


def wilson(successes: int, tries: int) -> tuple[float, float]:
    """95 % interval of a success rate (Wilson 1927)."""
    z, share = 1.959964, successes / tries
    centre = share + z**2 / (2 * tries)
    half = z * math.sqrt(share * (1 - share) / tries + z**2 / (4 * tries**2))
    scale = 1 + z**2 / tries
    low, high = (centre - half) / scale, (centre + half) / scale
    # At a rate of 0 or 1 the bound is that rate, up to rounding.
    return min(max(low, 0.0), share), max(min(high, 1.0), share)


def summary(outcomes: Outcomes, refused: int, seconds: Sequence[float]) -> PlanMetrics:
    """Success rates of all controllers; `seconds` are those of each search for a plan."""
    planner = outcomes["planner"]
    return PlanMetrics(
        success_rate=rate(planner),
        success_interval=wilson(sum(o.success for o in planner), len(planner)),
        random_success_rate=rate(outcomes["random"]),
        noop_success_rate=rate(outcomes["noop"]),
        replay_success_rate=rate(outcomes["replay"]),
        goals=len(planner),
        solved_at_start=refused,
        seconds_per_replan=sum(seconds) / len(seconds),
    )


def write_nothing(reason: str, metrics: Path, goals: Path, films: Path) -> None:
    """The outputs of a stage that could not plan, and why."""
    PlanSkipped(goals=0, skipped=reason).write(metrics)
    with stage.output(goals) as partial:
        partial.write_text(f"{','.join(NO_GOALS)}\n")
    with stage.output(films) as partial, partial.open("wb") as file:
        frames = np.zeros((0, 1, 1, 1, 3), np.uint8)
        none = np.zeros(0, bool)
        np.savez_compressed(file, frames=frames, lengths=none, goals=frames[:, 0], success=none)


def write_rows(world: World, tasks: Sequence[Task], outcomes: Outcomes, path: Path) -> None:
    """One CSV row a goal: how far it was, and how each controller fared."""
    with stage.output(path) as partial, partial.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(goal_columns(outcomes))
        for number, task in enumerate(tasks):
            row: list[object] = [task.episode, task.step]
            row.append(f"{world.distance(task.start, task.goal):.4f}")
            for tried in outcomes.values():
                outcome = tried[number]
                row += [int(outcome.success), f"{outcome.distance:.4f}", outcome.steps]
            rows.writerow(row)


def write_films(tasks: Sequence[Task], outcomes: Sequence[Outcome], path: Path) -> None:
    """The filmed episodes [E, T, H, W, 3], the last frame repeated, their goals and outcomes."""
    filmed = [(task, o) for task, o in zip(tasks, outcomes, strict=True) if o.frames]
    longest = max(len(outcome.frames) for _, outcome in filmed)
    films = [o.frames + [o.frames[-1]] * (longest - len(o.frames)) for _, o in filmed]
    with stage.output(path) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            frames=np.stack([np.stack(film) for film in films]),
            lengths=np.array([len(o.frames) for _, o in filmed]),
            goals=np.stack([task.goal_frame for task, _ in filmed]),
            success=np.array([o.success for _, o in filmed]),
        )
