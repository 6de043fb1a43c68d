"""metrics/plan.json and metrics/plan_goals.csv."""

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from pipeline.files.content import read_bytes
from pipeline.metrics.schema import AGAIN, Count, Line, Metrics, Share

NO_GOALS = ("episode", "step", "start_distance", "planner_distance")
"""Header of plan_goals.csv where nothing was planned."""


class PlanMetrics(Metrics):
    """Success rates of the planner and of its baselines.

    Attributes:
        success_rate: share 0..1 of the goals that the planner reaches.
        success_interval: its 95 % interval (Wilson 1927).
        random_success_rate: of actions recorded in random training episodes.
        noop_success_rate: of doing nothing.
        replay_success_rate: of the actions that were recorded on the way to the goal.
        goals: number of goals, at least 1.
        solved_at_start: goals left out because their start already solves them.
        seconds_per_replan: mean time of one search for a plan.
    """

    stage: ClassVar[str] = "plan"

    success_rate: Share
    success_interval: tuple[Share, Share]
    random_success_rate: Share
    noop_success_rate: Share
    replay_success_rate: Share
    goals: Count = Field(ge=1)
    solved_at_start: Count
    seconds_per_replan: float


class PlanSkipped(Metrics):
    """Nothing was planned.

    Attributes:
        goals: 0.
        skipped: the reason.
    """

    stage: ClassVar[str] = "plan"

    goals: Literal[0]
    skipped: Line


def read(path: Path) -> PlanMetrics | PlanSkipped:
    """Read metrics/plan.json.

    Raises:
        DataError: it is missing or damaged.
    """
    again = f"make it again: {AGAIN.format(PlanMetrics.stage)}"
    skipped = path.exists() and b'"skipped"' in read_bytes(path, again)
    return PlanSkipped.read(path) if skipped else PlanMetrics.read(path)


def goal_columns(controllers: Iterable[str]) -> list[str]:
    """Header of plan_goals.csv: a goal, and the outcome of each controller on it."""
    outcome = ("success", "distance", "steps")
    columns = [f"{controller}_{name}" for controller in controllers for name in outcome]
    return ["episode", "step", "start_distance", *columns]
