"""What a grid found: plain values for JSON, tables for people."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.tools.ablate import Published, Table
from pipeline.tools.ablate.grid import Grid
from pipeline.tools.ablate.intervals import Estimate, Summary, summarise, summarise_ratios

HEAD = (
    "arm", "parameters", "latent error", "times the baseline's", "without actions",
    "PSNR, dB", "over the baseline's", "SSIM", "paper: PSNR / SSIM / LPIPS / FID",
)  # fmt: skip
SUMMARIES = {
    "latent_error": summarise_ratios,
    "without_actions": summarise_ratios,
    "psnr": summarise,
    "ssim": summarise,
}
"""How the seeds of each metric are summed up."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the seeds of one arm gave, by metric."""

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


def scores(means: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The metrics of one run, from evaluate's means over clips and generated frames.

    `latent_error` is the squared error of latents as a share of that of repeating the last given
    frame; `without_actions` the same for a model that is told zero actions. PSNR is in dB.
    """
    model, zero, repeat = (means[who] for who in ("model", "zero_actions", "repeat_last"))
    return {
        "latent_error": model["latent_mse"] / repeat["latent_mse"],
        "without_actions": zero["latent_mse"] / repeat["latent_mse"],
        "psnr": model["psnr"],
        "ssim": model["ssim"],
    }


def gather(grid: Grid, table: Table) -> TableFound:
    """What the runs of a table measured, all of which are done."""
    runs = [
        [grid.runs[table.dataset, arm.run, seed] for seed in range(grid.seeds)]
        for arm in table.arms
    ]
    by_run = [[scores(run.measured("evaluate_mean")) for run in row] for row in runs]
    seeds = [{metric: [one[metric] for one in row] for metric in SUMMARIES} for row in by_run]
    baseline = table.arms.index(table.baseline)
    summaries = {
        metric: summary([row[metric] for row in seeds], baseline)
        for metric, summary in SUMMARIES.items()
    }
    arms = (
        Found(
            arm.name,
            runs[index][0].measured("train")["parameters"],
            seeds[index],
            {metric: summaries[metric][index] for metric in SUMMARIES},
            arm.published,
        )
        for index, arm in enumerate(table.arms)
    )
    repeated = runs[0][0].measured("evaluate_mean")["repeat_last"]
    return TableFound(table, {m: repeated[m] for m in ("psnr", "ssim")}, tuple(arms))


def plain(found: TableFound) -> dict[str, Any]:
    """For JSON: every seed's scores, with means, ratios or differences, and their intervals."""
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


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return value if value is None else round(value, 5)


def markdown(found: TableFound) -> str:
    """The table, ours and the paper's side by side; bold where an interval leaves out no effect."""
    lines = [f"### {found.table.title}", "", _row(HEAD), _row(["---"] * len(HEAD))]
    for arm in found.arms:
        error, without, psnr, ssim = (arm.summaries[metric] for metric in SUMMARIES)
        cells = (
            f"`{arm.name}`",
            f"{arm.parameters:,}",
            _shown(error.mean, ".3f"),
            _apart(error.apart, ".2f", 1),
            _shown(without.mean, ".3f"),
            _shown(psnr.mean, ".2f"),
            _apart(psnr.apart, "+.2f", 0),
            _shown(ssim.mean, ".4f"),
            _paper(arm.published),
        )
        lines.append(_row(cells))
    repeat = found.repeat_last
    said = f"Repeating the given frame: PSNR {repeat['psnr']:.2f} dB, SSIM {repeat['ssim']:.4f}."
    return "\n".join([*lines, "", said, ""])


def _row(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _shown(estimate: Estimate, form: str) -> str:
    value = format(estimate.value, form)
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} ({format(estimate.low, form)} to {format(estimate.high, form)})"


def _apart(estimate: Estimate | None, form: str, no_effect: float) -> str:
    if estimate is None:
        return "baseline"
    shown = _shown(estimate, form)
    return f"**{shown}**" if estimate.leaves_out(no_effect) else shown


def _paper(published: Published | None) -> str:
    if published is None:
        return "not in it"
    return (
        f"{published.psnr:.2f} / {published.ssim:.3f} / {published.lpips:.3f} / {published.fid:.2f}"
    )
