"""`wm plot-metrics A.csv B.csv`."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.tools.compare.charts import COLOURS, colour_of

BETTER = {"psnr": "PSNR in dB", "ssim": "SSIM", "lpips": "LPIPS"}
"""Labels of axes."""
DASHES = ("-", "--", ":", "-.")
"""In turn, once the colours are used up."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A score of one run by frame: means over clips, and the ends of their intervals."""

    frames: list[int]
    means: list[float]
    low: list[float]
    high: list[float]


def command(
    files: Annotated[
        list[Path], typer.Argument(metavar="CSV...", help="Tables written by wm metrics.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="PNG or SVG to write.")] = Path(
        "comparison.png"
    ),
) -> None:
    """Plot scores by frame of several runs, with 95 % intervals over clips."""
    from pipeline import stage
    from pipeline.errors import ParamsError

    if out.suffix not in (".png", ".svg"):
        raise ParamsError(f"--out {out}: name a file that ends in .png or .svg")
    with stage.timed(None) as summarise:
        runs = {name: curves(path) for name, path in zip(_names(files), files, strict=True)}
        with stage.output(out) as partial, partial.open("wb") as file:
            draw(runs, file, out.suffix[1:])
        summarise(f"plot-metrics: {len(runs)} runs, {out}")


def curves(path: Path) -> dict[str, Curve]:
    """The curves of a table, by score.

    Raises:
        DataError: it is no table of `wm metrics`, or holds a number that is none.
    """
    import torch

    from pipeline.errors import DataError
    from pipeline.metrics.bootstrap import mean_intervals
    from pipeline.tools.metrics.results import FrameRow

    try:
        rows = FrameRow.read(path)
    except DataError as error:
        said = str(error).partition("; ")[0]
        raise DataError(f"{said}; name a table of `wm metrics`") from None
    found = {}
    for name in (name for name in BETTER if getattr(rows[0], name) is not None):
        by_frame = defaultdict(list)
        for row in rows:
            by_frame[row.frame].append(getattr(row, name))
        frames = sorted(by_frame)
        values = [torch.tensor(by_frame[frame], dtype=torch.float64) for frame in frames]
        ends = torch.stack([mean_intervals(each) for each in values])
        means = [float(each.mean()) for each in values]
        found[name] = Curve(frames, means, ends[:, 0].tolist(), ends[:, 1].tolist())
    return found


def draw(runs: dict[str, dict[str, Curve]], file: Any, kind: str) -> None:
    """A panel for every score that some run has, a line with its band for every run that has it."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "plot-metrics"
    from matplotlib import pyplot
    from matplotlib.ticker import MaxNLocator

    names = [name for name in BETTER if any(name in run for run in runs.values())]
    figure, panels = pyplot.subplots(
        1, len(names), figsize=(4.6 * len(names), 3.6), layout="constrained", squeeze=False
    )
    for axes, name in zip(panels[0], names, strict=True):
        for number, (run, found) in enumerate(runs.items()):
            if (curve := found.get(name)) is None:
                continue
            colour, dash = colour_of(number), DASHES[number // len(COLOURS) % 4]
            marker = "o" if len(curve.frames) < 20 else None
            style = {"color": colour, "lw": 1.8, "ms": 4, "marker": marker, "ls": dash}
            axes.plot(curve.frames, curve.means, label=run, **style)
            axes.fill_between(curve.frames, curve.low, curve.high, color=colour, alpha=0.18, lw=0)
        axes.set(xlabel="frame", ylabel=BETTER[name])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", alpha=0.3)
    handles, labels = panels[0][0].get_legend_handles_labels()
    columns = min(3, len(labels))
    figure.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False)
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    figure.savefig(file, format=kind, dpi=150, metadata=metadata)
    pyplot.close(figure)


def _names(files: Sequence[Path]) -> list[str]:
    """What tells the files apart: their own names, else those of their folders with them."""
    stems = [path.stem for path in files]
    if len(set(stems)) == len(stems):
        return stems
    placed = [f"{path.resolve().parent.name}/{path.stem}" for path in files]
    if len(set(placed)) == len(placed):
        return placed
    return [str(path) for path in files]
