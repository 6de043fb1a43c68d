"""metrics/plan.json and metrics/plan_goals.csv."""

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Literal, Self, get_args

from pydantic import Field, model_validator

from pipeline.metrics.intervals import paired_difference
from pipeline.metrics.schema import Count, Line, Metrics, Record, Share, read_either

Controller = Literal[
    "planner",
    "noop",
    "random",
    "straight",
    "nearest",
    "nearest_replay",
    "inverse",
    "replay",
    "simulator_state",
    "simulator_pixels",
    "simulator_latent",
]
"""What acts: the planner on the world model, its baselines, and the planner on the simulator."""
CONTROLLERS: tuple[Controller, ...] = get_args(Controller)
"""In the order in which they are written and shown."""
TRIVIAL: tuple[Controller, ...] = ("noop", "random", "straight")
"""Those that must not reach many goals, else the goals say nothing about the model."""
DEAF = 0.9
"""Error under own actions, as a share of that under another clip's, from which on it is deaf."""
NO_GOALS = ("episode", "step", "start_distance", "planner_distance")
"""Header of plan_goals.csv where nothing was planned."""


class ControllerRow(Record):
    """How one controller fared on all goals.

    Attributes:
        success_rate: share 0..1 of the goals that it reached.
        success_interval: its 95 % interval (Wilson 1927).
        goals: number of goals, at least 1.
        distance: median over goals of the distance to the goal at the end, in the world's units.
        steps: median over reached goals of the environment steps taken; None if none was reached.
        won: goals that the planner reached and this controller missed.
        lost: goals that the planner missed and this controller reached.
        scores: mean over goals of what else the world measures at the end, such as PushT's
            coverage (0..1); empty in other worlds.
    """

    success_rate: Share
    success_interval: tuple[Share, Share]
    goals: Count = Field(ge=1)
    distance: float = Field(ge=0)
    steps: float | None = Field(ge=0)
    won: Count
    lost: Count
    scores: dict[str, float] = Field(default_factory=dict)

    @property
    def reached(self) -> int:
        """Number of goals reached."""
        return round(self.success_rate * self.goals)

    def behind(self) -> tuple[float, float]:
        """95 % interval of the planner's success rate - this one's, paired by goal."""
        both = self.reached - self.lost
        neither = self.goals - self.reached - self.won
        return paired_difference(both, self.won, self.lost, neither)


class DistanceBin(Record):
    """Success on the goals whose distance from the start is in a range.

    Attributes:
        low: the smallest distance, in the world's units.
        high: the largest.
        goals: number of goals, at least 1.
        success: success rate of each controller, 0..1.
    """

    low: float = Field(ge=0)
    high: float = Field(ge=0)
    goals: Count = Field(ge=1)
    success: dict[Controller, Share]


class Listening(Record):
    """Whether the model's predictions depend on the actions.

    Attributes:
        own: mean squared error of predicted latents, whitened, under the recorded actions.
        shuffled: the same under another clip's actions.
    """

    own: float = Field(ge=0)
    shuffled: float = Field(ge=0)

    @property
    def deaf(self) -> bool:
        """Whether the recorded actions help too little to plan with the model."""
        return self.own >= DEAF * self.shuffled


class PlanMetrics(Metrics):
    """Success of the planner and of its baselines on the same goals, within the same budget.

    Attributes:
        goals: number of goals, at least 1.
        solved_at_start: goals left out because their start already solves them.
        controllers: a row of each, in the order of `CONTROLLERS`; the planner's is always there.
        by_distance: ranges of the distance between start and goal, nearest first.
        listening: of the model; not set where it was not measured.
        seconds_per_replan: mean time of one search for a plan, wall clock of its process.
        cpu_seconds_per_replan: the same, processor time of all threads.
    """

    stage: ClassVar[str] = "plan"

    goals: Count = Field(ge=1)
    solved_at_start: Count
    controllers: dict[Controller, ControllerRow]
    by_distance: list[DistanceBin] = Field(min_length=1)
    listening: Listening | None = None
    seconds_per_replan: float = Field(ge=0)
    cpu_seconds_per_replan: float = Field(ge=0)

    @model_validator(mode="after")
    def _on_the_same_goals(self) -> Self:
        if "planner" not in self.controllers:
            raise ValueError("controllers: there is no planner")
        for name, row in self.controllers.items():
            apart = self.planner.reached - row.reached
            beaten = row.lost <= row.reached and row.won <= row.goals - row.reached
            if row.goals != self.goals or row.won - row.lost != apart or not beaten:
                raise ValueError(f"controllers.{name}: its counts contradict the planner's")
        return self

    @property
    def planner(self) -> ControllerRow:
        """The planner's row."""
        return self.controllers["planner"]


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
    return read_either(path, PlanMetrics, PlanSkipped)


def goal_columns(controllers: Iterable[str]) -> list[str]:
    """Header of plan_goals.csv: a goal, and the outcome of each controller on it."""
    outcome = ("success", "distance", "steps")
    columns = [f"{controller}_{name}" for controller in controllers for name in outcome]
    return ["episode", "step", "start_distance", *columns]
