"""What a grid found: plain values for JSON, tables for people."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.ablation import Published, Table
from pipeline.ablation.grid import Grid
from pipeline.ablation.intervals import Summary, summarise

METRICS = ("latent_error", "psnr", "ssim", "without_actions")
DIGITS = {"latent_error": 3, "psnr": 2, "ssim": 4, "without_actions": 3}
HEAD = (
    "| arm | parameters | latent error | less the baseline's | without actions | PSNR, dB "
    "| less the baseline's | SSIM | paper: PSNR / SSIM / LPIPS / FID |"
)


@dataclass(frozen=True, slots=True)
class Found:
    """What the seeds of one arm gave; see `scores` for the metrics."""

    name: str
    parameters: int
    seeds: dict[str, list[float]]
    summaries: dict[str, Summary]
    published: Published | None


@dataclass(frozen=True, slots=True)
class TableFound:
    """The arms of a table, and the PSNR and SSIM of repeating the given frame."""

    table: Table
    repeat_last: dict[str, float]
    arms: tuple[Found, ...]


def scores(evaluated: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of one run, each a mean over clips and generated frames.

    `latent_error` is the squared error of latents as a share of that of repeating the last given
    frame; `without_actions` the same for a model that is told zero actions.
    """
    model, zero, repeat = (
        {name: sum(values) / len(values) for name, values in evaluated[who].items()}
        for who in ("model", "zero_actions", "repeat_last")
    )
    return {
        "latent_error": model["latent_mse"] / repeat["latent_mse"],
        "psnr": model["psnr"],
        "ssim": model["ssim"],
        "without_actions": zero["latent_mse"] / repeat["latent_mse"],
    }


def gather(grid: Grid, table: Table) -> TableFound:
    """What the runs of a table measured, all of which are done."""
    runs = [
        [grid.runs[table.dataset, arm.run, seed] for seed in range(grid.seeds)]
        for arm in table.arms
    ]
    by_arm = [[scores(run.measured("evaluate")) for run in row] for row in runs]
    seeds = [{m: [score[m] for score in row] for m in METRICS} for row in by_arm]
    baseline = table.arms.index(table.baseline)
    summaries = {m: summarise([row[m] for row in seeds], baseline) for m in METRICS}
    arms = tuple(
        Found(
            arm.name,
            runs[index][0].measured("train")["parameters"],
            seeds[index],
            {metric: summaries[metric][index] for metric in METRICS},
            arm.published,
        )
        for index, arm in enumerate(table.arms)
    )
    repeat = runs[0][0].measured("evaluate")["repeat_last"]
    repeated = {m: sum(repeat[m]) / len(repeat[m]) for m in ("psnr", "ssim")}
    return TableFound(table, repeated, arms)


def plain(found: TableFound) -> dict[str, Any]:
    """For JSON: every seed's scores, and their means and half intervals."""
    return {
        "title": found.table.title,
        "dataset": found.table.dataset,
        "baseline": found.table.baseline.name,
        "repeat_last": _rounded(found.repeat_last),
        "arms": {
            arm.name: {
                "parameters": arm.parameters,
                **{
                    metric: _rounded({"seeds": arm.seeds[metric], **asdict(summary)})
                    for metric, summary in arm.summaries.items()
                },
                "published": arm.published and asdict(arm.published),
            }
            for arm in found.arms
        },
    }


def _rounded(values: Mapping[str, Any]) -> dict[str, Any]:
    def cut(value: Any) -> Any:
        return [cut(one) for one in value] if isinstance(value, list) else round(value, 5)

    return {name: None if value is None else cut(value) for name, value in values.items()}


def markdown(found: TableFound) -> str:
    """The table, ours and the paper's side by side; a baseline's difference is empty."""
    repeat = found.repeat_last
    lines = [f"### {found.table.title}", "", HEAD, "|---|---|---|---|---|---|---|---|---|"]
    for arm in found.arms:
        is_baseline = arm.name == found.table.baseline.name
        cells = [
            f"`{arm.name}`{', the baseline' if is_baseline else ''}",
            f"{arm.parameters:,}",
            _mean(arm, "latent_error"),
            "" if is_baseline else _difference(arm, "latent_error"),
            _mean(arm, "without_actions"),
            _mean(arm, "psnr"),
            "" if is_baseline else _difference(arm, "psnr"),
            _mean(arm, "ssim"),
            _paper(arm.published),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    last = f"Repeating the given frame: PSNR {repeat['psnr']:.2f} dB, SSIM {repeat['ssim']:.4f}."
    return "\n".join([*lines, "", last, ""])


def _mean(arm: Found, metric: str) -> str:
    summary, digits = arm.summaries[metric], DIGITS[metric]
    return _with_half(f"{summary.mean:.{digits}f}", summary.half, digits)


def _difference(arm: Found, metric: str) -> str:
    """Bold where its interval leaves out zero."""
    summary, digits = arm.summaries[metric], DIGITS[metric]
    half = summary.difference_half
    shown = _with_half(f"{summary.difference:+.{digits}f}", half, digits)
    return f"**{shown}**" if half is not None and abs(summary.difference) > half else shown


def _with_half(shown: str, half: float | None, digits: int) -> str:
    return shown if half is None else f"{shown} ± {half:.{digits}f}"


def _paper(published: Published | None) -> str:
    if published is None:
        return "-"
    figures = published
    return f"{figures.psnr:.2f} / {figures.ssim:.3f} / {figures.lpips:.3f} / {figures.fid:.2f}"
