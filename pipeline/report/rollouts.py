"""Long rollouts on the page: videos, scores against the horizon, and ways to sample."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import DataError
from pipeline.files.content import read_bytes
from pipeline.metrics.schema.rollout import RolloutMetrics, StudyRow
from pipeline.report import charts
from pipeline.report.figures import uri
from pipeline.report.gates import pixel_score
from pipeline.report.scores import METRICS

AGAIN = "make it again: `dvc repro -f rollout`"
LARGEST = 2**24
"""Bytes of the largest video that is shown."""
TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
AXES = {"latent_mse": "error", "psnr": "PSNR in dB", "ssim": "SSIM", "lpips": "LPIPS"}


@dataclass(frozen=True, slots=True)
class Section:
    """What the page shows of rollouts.

    Attributes:
        metrics: of the stage.
        videos: truth, generated frames and error beside each other, as data URIs.
        curves: charts by title, as data URIs.
        study: chart of the ways to sample, as a data URI; None if none were compared.
    """

    metrics: RolloutMetrics
    videos: list[str]
    curves: dict[str, str]
    study: str | None


def section(metrics: RolloutMetrics, folder: Path) -> Section:
    """Everything that the page shows of the stage rollout.

    Raises:
        DataError: a video is missing.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; {AGAIN}")
    videos = [
        uri(read_bytes(path, AGAIN, LARGEST), "video/mp4")
        for path in sorted(folder.glob("*_comparison.mp4"))
    ]
    study = ways(metrics.study) if metrics.study else None
    return Section(metrics, videos, _curves(metrics), study)


def _curves(metrics: RolloutMetrics) -> dict[str, str]:
    conditions = {"model": metrics.model.curves(), "repeat_last": metrics.repeat_last.curves()}
    frames, found = range(1, metrics.frames + 1), {}
    for score in conditions["model"]:
        title = METRICS[score][0]
        title = title if score == "latent_mse" else pixel_score(title, metrics.decoder)
        values = {name: curves[score].mean for name, curves in conditions.items()}
        bands = {name: curves[score].interval for name, curves in conditions.items()}
        found[f"{title} by generated frame"] = charts.lines(
            frames, values, ("generated frame", AXES[score]), bands=bands
        )
    return found


def ways(rows: list[StudyRow]) -> str:
    """PSNR of each way to sample against what it costs, as a data URI."""
    return uri(study_svg(rows), "image/svg+xml")


def study_svg(rows: list[StudyRow]) -> bytes:
    """The same as the content of an SVG file."""
    colours = [charts.GREEN, charts.BLUE, charts.RED, charts.ORANGE, charts.GREY]
    names = list(dict.fromkeys((row.sampler, row.spacing) for row in rows))

    def draw(axes: Any) -> None:
        for number, name in enumerate(names):
            chosen = [row for row in rows if (row.sampler, row.spacing) == name]
            x = [row.evaluations for row in chosen]
            y = [row.psnr for row in chosen]
            ends = [(r.psnr - r.psnr_interval[0], r.psnr_interval[1] - r.psnr) for r in chosen]
            dashes = "-" if name[1] == "trailing" else "--"
            colour = colours[list(dict.fromkeys(n for n, _ in names)).index(name[0]) % 5]
            style = {"color": colour, "ls": dashes, "marker": "o", "ms": 4, "elinewidth": 1}
            label = f"{name[0].replace('_', ' ')}, {name[1]}"
            axes.errorbar(x, y, list(zip(*ends, strict=True)), label=label, zorder=number, **style)
        axes.set(xscale="log", xlabel="network evaluations a frame", ylabel="PSNR in dB")
        most = max(row.evaluations for row in rows)
        ticks = [tick for tick in TICKS if tick <= 2 * most]
        axes.set_xticks(ticks, map(str, ticks))
        axes.minorticks_off()
        axes.legend(frameon=False, fontsize=8, handlelength=4)

    return charts.svg(draw)
