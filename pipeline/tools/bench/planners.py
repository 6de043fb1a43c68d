"""How near planners come to the minimum of worlds where it is known, for the same evaluations."""

from dataclasses import dataclass
from itertools import product
from statistics import fmean

from rich.table import Table

from pipeline.errors import ParamsError
from pipeline.params import Settings
from pipeline.planners import PLANNERS
from pipeline.tools.bench.planner_effort import Member, fitted, searched
from pipeline.tools.bench.planner_worlds import WORLDS, AnalyticWorld, excess

FOUND = 0.02
"""Excess cost up to which a minimum counts as found."""


@dataclass(frozen=True, slots=True)
class Row:
    """One planner in one world with one number of evaluations.

    Attributes:
        world: its name in WORLDS.
        planner: its name.
        evaluations: asked for.
        spent: evaluations of a sequence for each seed; a gradient counts as two more.
        excess: cost above the minimum, as a share of what zeros cost above it; median over seeds.
        found: share of seeds whose excess is at most FOUND.
        options: of the planner.
    """

    world: str
    planner: str
    evaluations: int
    spent: int
    excess: float
    found: float
    options: dict[str, object]


def run(settings: Settings, evaluations: list[int], seeds: int) -> list[Row]:
    """All planners, their options in params.yaml scaled, in all worlds that they can search."""
    rows = []
    for (name, build), planner in product(WORLDS.items(), PLANNERS.names()):
        world, member = build(), settings.member(PLANNERS, planner)
        try:
            searched(member, world, 1)
        except ParamsError:  # its actions are discrete, or they are not
            continue
        rows += [
            _row(name, world, fitted(member, world, count), count, seeds) for count in evaluations
        ]
    return rows


def _row(name: str, world: AnalyticWorld, member: Member, count: int, seeds: int) -> Row:
    solution, spent = searched(member, world, seeds)
    values = excess(world, solution.plans)
    found = fmean(value <= FOUND for value in values.tolist())
    options = member.options.model_dump()
    return Row(name, member.name, count, spent, float(values.median()), found, options)


def table(rows: list[Row], evaluations: list[int]) -> Table:
    """A row for each planner in each world: median excess, and how often the minimum is found."""
    columns = [f"{count:,} evaluations" for count in evaluations]
    rendered = Table("world", "planner", *columns)
    for column in rendered.columns[2:]:
        column.justify = "right"
    for first in range(0, len(rows), len(evaluations)):
        group = rows[first : first + len(evaluations)]
        cells = [f"{row.excess:.4f} ({row.found:.0%})" for row in group]
        rendered.add_row(group[0].world, group[0].planner, *cells)
    return rendered
