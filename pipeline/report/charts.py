"""Charts of the page, as SVG in data URIs."""

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from pipeline.metrics.schema.plan import Controller
from pipeline.report.figures import uri

GREEN, BLUE, RED, ORANGE, GREY = "#0b6e4f", "#3d6fb6", "#d1495b", "#e08e1b", "#8d99ae"
COLOURS = {"model": GREEN, "repeat_last": GREY, "shuffled_actions": RED, "zero_actions": ORANGE}
CONTROLLERS: dict[Controller, str] = {
    "planner": GREEN,
    "simulator_latent": BLUE,
    "nearest": RED,
    "straight": ORANGE,
    "random": GREY,
}
"""Those that are shown by distance, and their colours."""
OUTCOMES = {"reached": GREEN, "missed": RED}
SPREAD = 0.09
"""Between two controllers in one range of distances, whose width is 1."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Success rates with the ends of their intervals, 0..1."""

    name: str
    rates: list[float]
    intervals: list[tuple[float, float]]


def lines(
    x: Sequence[float],
    ys: Mapping[str, Sequence[float]],
    labels: tuple[str, str],
    *,
    bands: Mapping[str, Sequence[tuple[float, float]]] | None = None,
    log: bool = False,
) -> str:
    """A line chart.

    Args:
        x: shared by all series.
        ys: values of each series.
        labels: of the axes.
        bands: ends of the interval of each value, for some series.
        log: whether the values are on a logarithmic axis.
    """

    def draw(axes: Any) -> None:
        for name, values in ys.items():
            marker = "o" if len(values) < 20 else None
            colour = COLOURS.get(name, GREEN)
            axes.plot(x, values, label=name.replace("_", " "), color=colour, marker=marker, lw=1.8)
            if ends := (bands or {}).get(name):
                axes.fill_between(x, *zip(*ends, strict=True), color=colour, alpha=0.18, lw=0)
        axes.set(xlabel=labels[0], ylabel=labels[1], yscale="log" if log else "linear")
        axes.xaxis.get_major_locator().set_params(integer=True)
        if len(ys) > 1:
            axes.legend(frameon=False, fontsize=8)

    return _drawn(draw)


def by_distance(labels: Sequence[str], series: Mapping[Controller, Rates]) -> str:
    """Success of each controller in ranges of distance, whose names are `labels`."""

    def draw(axes: Any) -> None:
        for number, (name, one) in enumerate(series.items()):
            x = [at + SPREAD * (number - (len(series) - 1) / 2) for at in range(len(labels))]
            ends = zip(one.rates, one.intervals, strict=True)
            errors = [(rate - low, high - rate) for rate, (low, high) in ends]
            style = {"color": CONTROLLERS[name], "marker": "o", "ms": 4, "elinewidth": 1}
            heavy = {"lw": 2.6, "zorder": 3} if name == "planner" else {"lw": 1.4}
            whiskers = list(zip(*errors, strict=True))
            axes.errorbar(x, one.rates, whiskers, label=one.name, **style, **heavy)
        axes.set(ylim=(-0.03, 1.03), ylabel="success rate")
        axes.set_xticks(range(len(labels)), labels, fontsize=8)
        axes.set_xlabel("distance between start and goal, in the world's units")
        place = {"loc": "lower center", "bbox_to_anchor": (0.45, 1), "ncols": 2}
        axes.legend(frameon=False, fontsize=8, **place)

    return _drawn(draw)


def rounds(costs: Mapping[str, Sequence[Sequence[float]]]) -> str:
    """The lowest cost up to each round of every search, and their median, by outcome."""

    def draw(axes: Any) -> None:
        for outcome, searches in costs.items():
            colour = OUTCOMES[outcome]
            for search in searches:
                axes.plot(range(1, len(search) + 1), search, color=colour, lw=0.6, alpha=0.3)
            columns = [
                [cost for cost in column if math.isfinite(cost)]
                for column in zip(*searches, strict=True)
            ]
            middle = [median(column) if column else math.nan for column in columns]
            label = f"median of episodes that {outcome} the goal"
            x = range(1, len(middle) + 1)
            axes.plot(x, middle, color=colour, lw=2.6, marker="o", ms=4, label=label)
        every = [cost for searches in costs.values() for search in searches for cost in search]
        log = all(cost > 0 for cost in every if math.isfinite(cost))
        axes.set(xlabel="round", ylabel="lowest cost so far", yscale="log" if log else "linear")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(frameon=False, fontsize=8)

    return _drawn(draw)


def svg(draw: Callable[[Any], None], size: tuple[float, float] = (5.2, 3.3)) -> bytes:
    """What `draw` puts on axes of matplotlib, the same bytes for the same figure.

    Args:
        draw: is given the axes.
        size: of the figure in inches.
    """
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "report"
    from matplotlib import pyplot
    from matplotlib.ticker import MaxNLocator

    figure, axes = pyplot.subplots(figsize=size, layout="constrained")
    axes.xaxis.set_major_locator(MaxNLocator())
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    draw(axes)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return buffer.getvalue()


def _drawn(draw: Callable[[Any], None]) -> str:
    return uri(svg(draw), "image/svg+xml")
