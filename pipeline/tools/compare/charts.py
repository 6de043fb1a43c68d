"""Curves of several runs in one chart, as SVG that takes its colours from the page."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Told apart by the colour-blind, on white and on black (Okabe & Ito 2008); repeated from there."""
INK, SOFT, LINE = "#010203", "#040506", "#070809"
"""Placeholders, which become the page's own colours."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart.

    Attributes:
        run: index of the run, which decides the colour; None for what all runs share.
        x: positions.
        y: values.
        ends: of the interval of each value; none if empty.
    """

    run: int | None
    x: Sequence[float]
    y: Sequence[float]
    ends: Sequence[tuple[float, float]] = ()


def colour_of(run: int) -> str:
    """The colour of a run, by its index."""
    return COLOURS[run % len(COLOURS)]


def chart(curves: Sequence[Curve], labels: tuple[str, str], *, log: bool = False, name: str) -> str:
    """Curves over common axes as an SVG element.

    Args:
        curves: the lines; dashed where a run is None.
        labels: of the axes.
        log: whether values are on a logarithmic scale.
        name: told apart from the other charts of the page by it.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import MaxNLocator

    style: dict[Any, str] = {
        **{"svg.hashsalt": name, "svg.fonttype": "none", "font.family": "sans-serif"},
        **{"text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": SOFT},
        **{"xtick.color": SOFT, "ytick.color": SOFT, "grid.color": LINE},
    }
    with matplotlib.rc_context(style):
        figure, axes = pyplot.subplots(figsize=(5.2, 3.1), layout="constrained")
        for curve in curves:
            colour, dashes = (SOFT, "--") if curve.run is None else (colour_of(curve.run), "-")
            marker = "o" if len(curve.x) < 20 else None
            axes.plot(curve.x, curve.y, dashes, color=colour, marker=marker, ms=4, lw=1.8)
            for x, (low, high) in zip(curve.x, curve.ends, strict=bool(curve.ends)):
                axes.vlines(x, low, high, color=colour, lw=1)
        axes.set(xlabel=labels[0], ylabel=labels[1], yscale="log" if log else "linear")
        whole = all(float(x).is_integer() for curve in curves for x in curve.x)
        axes.xaxis.set_major_locator(MaxNLocator(integer=whole))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y")
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
        pyplot.close(figure)
    return _of_page(buffer.getvalue())


def _of_page(svg: str) -> str:
    """The element alone, in the page's colours, as wide as there is room."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'(<svg[^>]*?) (?:width|height)="[^"]*"', r"\1", svg)
    svg = re.sub(r'(<svg[^>]*?) (?:width|height)="[^"]*"', r"\1", svg)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for placeholder, name in ((INK, "ink"), (SOFT, "soft"), (LINE, "line")):
        svg = svg.replace(placeholder, f"var(--{name})")
    return svg
