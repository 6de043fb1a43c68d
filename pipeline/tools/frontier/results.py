"""The frontier as CSV, as a table, and as a plot."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import stage
from pipeline.report import charts
from pipeline.tools.frontier import Row, undominated

if TYPE_CHECKING:
    from rich.table import Table

COLOURS = (charts.GREEN, charts.BLUE, charts.RED, charts.ORANGE, charts.GREY, "#7b4ea3")
"""Of the planners, in the order of their first rows."""


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """A row for every point, under a header."""
    with stage.output(path) as partial, partial.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(Row.model_fields)
        lines.writerows(row.model_dump().values() for row in rows)


def table(rows: Sequence[Row]) -> "Table":
    """From the cheapest to the dearest; those of the frontier are marked."""
    from rich.table import Table

    best = undominated(rows)
    shown = Table(
        "planner", "candidates x rounds", "steps", "execute", "success", "CPU-s/replan", ""
    )
    for row in sorted(rows, key=lambda row: row.cpu_seconds_per_replan):
        shown.add_row(
            row.planner,
            f"{row.candidates} x {row.rounds}",
            str(row.steps),
            str(row.execute),
            f"{row.success:.0%} ({row.low:.0%} to {row.high:.0%})",
            f"{row.cpu_seconds_per_replan:.3g}",
            "*" if row in best else "",
        )
    return shown


def plot(rows: Sequence[Row]) -> bytes:
    """Success against CPU-seconds a replan as SVG: intervals as whiskers, the frontier as steps."""
    return charts.svg(lambda axes: _draw(axes, rows), size=(7.2, 4.6))


def _draw(axes: Any, rows: Sequence[Row]) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    best = undominated(rows)
    x = [row.cpu_seconds_per_replan for row in best]
    axes.step(x, [row.success for row in best], where="post", color="#1c2430", ls="--", lw=1)
    for row in best:
        text = f"{row.candidates} x {row.rounds}, {row.steps} step" + "s" * (row.steps > 1)
        place = (row.cpu_seconds_per_replan, row.success)
        axes.annotate(text, place, (4, 6), textcoords="offset points", fontsize=7, zorder=4,
                      bbox={"fc": "white", "ec": "none", "alpha": 0.75, "pad": 0.5})  # fmt: skip
    for number, planner in enumerate(dict.fromkeys(row.planner for row in rows)):
        own = [row for row in rows if row.planner == planner]
        axes.errorbar(
            [row.cpu_seconds_per_replan for row in own],
            [row.success for row in own],
            [[row.success - row.low for row in own], [row.high - row.success for row in own]],
            label=planner,
            color=COLOURS[number % len(COLOURS)],
            fmt="o",
            ms=5,
            elinewidth=0.8,
        )
    axes.set(xscale="log", xlabel="CPU-seconds per replan", ylabel="success rate")
    axes.set_ylim(-0.03, 1.06)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")
    axes.legend(frameon=False, fontsize=8, loc="lower right")
