"""What the page says of planning: a row for every controller, success by distance, costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from pipeline.metrics.intervals import wilson
from pipeline.metrics.schema.plan import Controller, ControllerRow, PlanMetrics
from pipeline.report import charts
from pipeline.report.films import Film

NAMES: dict[Controller, str] = {
    "planner": "world model",
    "noop": "no-op",
    "random": "random",
    "straight": "straight",
    "nearest": "nearest recorded stretch",
    "nearest_replay": "the same, replayed whole",
    "inverse": "inverse model",
    "replay": "replay",
    "simulator_state": "simulator, state cost",
    "simulator_pixels": "simulator, pixel cost",
    "simulator_latent": "simulator, latent cost",
}
WHAT: dict[Controller, str] = {
    "noop": "zero actions throughout",
    "random": "actions of random training episodes",
    "straight": "is told both positions and heads for the goal",
    "nearest": "replays recorded actions between the training frames most like now and the goal, "
    "and looks for others after every chunk",
    "nearest_replay": "looks for them once, and replays them to their end",
    "inverse": "imitates training actions, given now, the goal and the time left",
    "replay": "the recorded actions that led to the goal: whether it can be reached",
    "simulator_state": "knows the physics and the true distance: the limit of search and budget",
    "simulator_pixels": "knows the physics, sees frames",
    "simulator_latent": "knows the physics, sees latents: what a perfect model would reach",
}
GROUPS: dict[str, tuple[Controller, ...]] = {
    "The planner on the world model": ("planner",),
    "Knows nothing of the goal": ("noop", "random"),
    "Needs no world model": ("straight", "nearest", "nearest_replay", "inverse"),
    "The ceiling: the planner on the simulator itself, and the recorded actions": (
        *("simulator_state", "simulator_pixels", "simulator_latent", "replay"),
    ),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A controller in the table; rates and differences are in per cent.

    Attributes:
        name: of the controller.
        what: it is.
        row: its metrics.
        behind: the planner's rate - its own, with the ends of its interval; None for the planner.
    """

    name: str
    what: str
    row: ControllerRow
    behind: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class Section:
    """What the page shows of planning.

    Attributes:
        groups: the rows of the table by group, without controllers that were not run.
        best: name and metrics of the controller that reaches most goals without a world model.
        charts: data URIs by title.
        films: episodes of the planner.
    """

    groups: dict[str, list[Line]]
    best: tuple[str, ControllerRow] | None
    charts: dict[str, str]
    films: Sequence[Film]


def section(plan: PlanMetrics, films: Sequence[Film], options: Mapping[str, Any]) -> Section:
    """The section, from the metrics, the filmed episodes, and the params of the stage."""
    what = {**WHAT, "planner": _given(options)}
    lines = {
        group: [_line(plan, name, what[name]) for name in names if name in plan.controllers]
        for group, names in GROUPS.items()
    }
    return Section(
        {group: rows for group, rows in lines.items() if rows},
        _best(plan),
        _charts(plan, films),
        films,
    )


def _best(plan: PlanMetrics) -> tuple[str, ControllerRow] | None:
    names = [*GROUPS["Knows nothing of the goal"], *GROUPS["Needs no world model"]]
    rows = {NAMES[name]: plan.controllers[name] for name in names if name in plan.controllers}
    return max(rows.items(), key=lambda item: item[1].success_rate) if rows else None


def _charts(plan: PlanMetrics, films: Sequence[Film]) -> dict[str, str]:
    shown = {"Success by distance, with 95 % intervals": _by_distance(plan)}
    costs = {
        word: [
            list(accumulate(costs, min))
            for film in films
            if film.success == success
            for costs in film.costs
        ]
        for word, success in (("reached", True), ("missed", False))
    }
    costs = {word: searches for word, searches in costs.items() if searches}
    if costs:
        title = "Lowest cost so far, by round of a search (flat: executed without one), by replan"
        shown[title] = charts.rounds(costs)
    return shown


def _given(options: Mapping[str, Any]) -> str:
    """What the planner on the world model sees and tries."""
    proposals, metric = options["proposals"], options["distance"]["metric"]
    fitted = metric == "readout" or proposals["inverse"] > 0
    now = "one" if options["context"] == 1 else f"the last {options['context']}"
    given = f"sees frames alone: {now} now, one of the goal"
    if fitted:
        given = "sees frames, and reads coordinates by what was fitted to recorded states"
    tried = [
        f"{proposals[name]} {said}"
        for name, said in (("nearest", "recorded stretches"), ("inverse", "of the inverse model"))
        if proposals[name]
    ]
    if not tried:
        return given
    searches = ""
    if share := options["accept"]:
        searches = f", searches if they cost over {share:g} of what two frames do on average"
    return f"{given}; tries {' and '.join(tried)} first{searches}"


def _line(plan: PlanMetrics, name: Controller, what: str) -> Line:
    row = plan.controllers[name]
    apart = plan.planner.success_rate - row.success_rate
    behind = None if name == "planner" else (apart, *row.behind())
    return Line(NAMES[name], what, row, behind)


def _by_distance(plan: PlanMetrics) -> str:
    bins = plan.by_distance
    labels = [f"{group.low:.3g} to {group.high:.3g}\n{group.goals} goals" for group in bins]
    series = {
        name: charts.Rates(
            NAMES[name],
            [group.success[name] for group in bins],
            [wilson(round(group.success[name] * group.goals), group.goals) for group in bins],
        )
        for name in charts.CONTROLLERS
        if all(name in group.success for group in bins)
    }
    return charts.by_distance(labels, series)
