"""Results of a grid: values for JSON, tables for people."""

from dataclasses import asdict, dataclass
from typing import Any

from pipeline.metrics.schema.evaluate import EvaluateMeans
from pipeline.tools.ablate import PaperRow, Table
from pipeline.tools.ablate.grid import Grid
from pipeline.tools.ablate.intervals import Estimate, Summary, summarise, summarise_ratios

HEAD = (
    "arm", "parameters", "latent error", "ratio to baseline", "without actions",
    "PSNR, dB", "difference to baseline", "SSIM", "paper: PSNR / SSIM / LPIPS / FID",
)  # fmt: skip
SUMMARIES = {
    "latent_error": summarise_ratios,
    "without_actions": summarise_ratios,
    "psnr": summarise,
    "ssim": summarise,
}
"""How each metric is summarised over seeds."""


@dataclass(frozen=True, slots=True)
class ArmResult:
    """One arm: each metric of every seed, and its summary over them."""

    name: str
    parameters: int
    seeds: dict[str, list[float]]
    summaries: dict[str, Summary]
    paper: PaperRow | None


@dataclass(frozen=True, slots=True)
class TableResult:
    """The arms of a table, and PSNR (dB) and SSIM of repeating the context frame."""

    table: Table
    repeat_psnr: float
    repeat_ssim: float
    arms: tuple[ArmResult, ...]


def scores(means: EvaluateMeans) -> dict[str, float]:
    """The metrics of one run, from its means over clips and generated frames.

    `latent_error` is the squared error of latents as a share of that of repeating the last context
    frame; `without_actions` is that of the same model under zero actions. PSNR is in dB.
    """
    repeat = means.repeat_last.latent_mse
    return {
        "latent_error": means.model.latent_mse / repeat,
        "without_actions": means.zero_actions.latent_mse / repeat,
        "psnr": means.model.psnr,
        "ssim": means.model.ssim,
    }


def gather(grid: Grid, table: Table) -> TableResult:
    """The results of a table, all of whose runs are done.

    Raises:
        DataError: a metrics file of a run is missing or damaged.
    """
    runs = [
        [grid.runs[table.dataset, arm.run, seed] for seed in range(grid.seeds)]
        for arm in table.arms
    ]
    by_run = [[scores(run.means()) for run in row] for row in runs]
    seeds = [{metric: [one[metric] for one in row] for metric in SUMMARIES} for row in by_run]
    baseline = table.arms.index(table.baseline)
    summaries = {
        metric: summary([row[metric] for row in seeds], baseline)
        for metric, summary in SUMMARIES.items()
    }
    arms = tuple(
        ArmResult(
            arm.name,
            runs[index][0].parameters(),
            seeds[index],
            {metric: summaries[metric][index] for metric in SUMMARIES},
            arm.paper,
        )
        for index, arm in enumerate(table.arms)
    )
    repeat = runs[0][0].means().repeat_last
    return TableResult(table, repeat.psnr, repeat.ssim, arms)


def as_json(result: TableResult) -> dict[str, Any]:
    """Every seed's metrics, and their means and effects with intervals."""
    return {
        "title": result.table.title,
        "dataset": result.table.dataset,
        "baseline": result.table.baseline.name,
        "repeat_last": _rounded({"psnr": result.repeat_psnr, "ssim": result.repeat_ssim}),
        "arms": {
            arm.name: {
                "parameters": arm.parameters,
                **{
                    metric: _rounded({"seeds": arm.seeds[metric], **asdict(summary)})
                    for metric, summary in arm.summaries.items()
                },
                "published": arm.paper and asdict(arm.paper),
            }
            for arm in result.arms
        },
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return value if value is None else round(value, 5)


def as_markdown(result: TableResult) -> str:
    """The table beside the paper's scores; effects whose interval excludes none are bold."""
    lines = [f"### {result.table.title}", "", _row(HEAD), _row(["---"] * len(HEAD))]
    for arm in result.arms:
        error, without, psnr, ssim = (arm.summaries[metric] for metric in SUMMARIES)
        cells = (
            f"`{arm.name}`",
            f"{arm.parameters:,}",
            _format(error.mean, ".3f"),
            _effect(error.apart, ".2f", 1),
            _format(without.mean, ".3f"),
            _format(psnr.mean, ".2f"),
            _effect(psnr.apart, "+.2f", 0),
            _format(ssim.mean, ".4f"),
            _paper(arm.paper),
        )
        lines.append(_row(cells))
    repeating = f"PSNR {result.repeat_psnr:.2f} dB, SSIM {result.repeat_ssim:.4f}"
    return "\n".join([*lines, "", f"Repeating the context frame: {repeating}.", ""])


def _row(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _format(estimate: Estimate, form: str) -> str:
    value = format(estimate.value, form)
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} ({format(estimate.low, form)} to {format(estimate.high, form)})"


def _effect(estimate: Estimate | None, form: str, no_effect: float) -> str:
    if estimate is None:
        return "baseline"
    text = _format(estimate, form)
    return f"**{text}**" if estimate.excludes(no_effect) else text


def _paper(row: PaperRow | None) -> str:
    if row is None:
        return "not in the paper"
    return f"{row.psnr:.2f} / {row.ssim:.3f} / {row.lpips:.3f} / {row.fid:.2f}"
