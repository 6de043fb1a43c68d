"""Scores of generated frames on the page: tables and curves, with their intervals."""

from dataclasses import dataclass

from pipeline.metrics.schema.evaluate import EvaluateMetrics, Interval, Measured
from pipeline.metrics.schema.state_model import Estimate
from pipeline.report import charts
from pipeline.report.gates import pixel_score

NAMES = {
    "model": "world model",
    "repeat_last": "repeating the last context frame",
    "shuffled_actions": "world model, another clip's actions",
    "zero_actions": "world model, zero actions",
}
METRICS = {
    "latent_mse": ("Latent error", "mean squared, whitened; lower is better", "{:.3f}"),
    "psnr": ("PSNR", "dB against the recorded pixels; higher is better", "{:.1f}"),
    "ssim": ("SSIM", "higher is better", "{:.3f}"),
    "lpips": ("LPIPS", "VGG16; lower is better", "{:.3f}"),
    "validity": (
        "Clean distractor",
        "share of frames that show exactly one; higher is better",
        "{:.3f}",
    ),
    "predictable_psnr": (
        "PSNR without the distractor",
        "dB, of the other colours; higher is better",
        "{:.1f}",
    ),
    "fid": ("FID", "Inception, over all generated frames; lower is better", "{:.1f}"),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A score, and its 95 % interval where the run recorded one."""

    value: str
    interval: str


def estimate(found: Estimate) -> Cell:
    """A number and the ends of its interval."""
    ends = " to\N{NO-BREAK SPACE}".join(f"{end:.3f}" for end in found.interval)
    return Cell(f"{found.value:.3f}", ends)


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """One score of every condition, formatted; one column per generated frame, or one in all.

    Attributes:
        title: of the table.
        hint: what the score is, and which end is good.
        columns: their heads.
        rows: by condition.
        source: how the score was measured; empty where the run did not record it.
    """

    title: str
    hint: str
    columns: list[str]
    rows: dict[str, list[Cell]]
    source: str


def tables(evaluate: EvaluateMetrics) -> list[ScoreTable]:
    """A table of every score that was measured."""
    scores = {
        name: scores.model_dump(exclude_unset=True)
        for name, scores in evaluate.by_condition().items()
    }
    found = []
    for metric in [metric for metric in METRICS if metric in scores["model"]]:
        title, hint, form = METRICS[metric]
        title = title if metric == "latent_mse" else pixel_score(title, evaluate.decoder)
        overall = metric == "fid"
        columns = ["all"] if overall else [str(n) for n in range(1, evaluate.frames + 1)]
        rows = {}
        for name, said in NAMES.items():
            values = [scores[name][metric]] if overall else scores[name][metric]
            ends = _ends(evaluate, name, metric)
            none: list[Interval | None] = [None] * len(values)
            pairs = zip(values, ends or none, strict=True)
            rows[said] = [_cell(form, value, each) for value, each in pairs]
        source = _source((evaluate.measured or {}).get(metric))
        found.append(ScoreTable(title, hint, columns, rows, source))
    return found


def curve(evaluate: EvaluateMetrics, metric: str, label: str) -> str:
    """A score by generated frame, with its intervals, as a data URI."""
    values = {name: scores.by_frame()[metric] for name, scores in evaluate.by_condition().items()}
    bands = {name: ends for name in NAMES if (ends := _ends(evaluate, name, metric))}
    frames = range(1, evaluate.frames + 1)
    return charts.lines(frames, values, ("generated frame", label), bands=bands)


def _ends(evaluate: EvaluateMetrics, name: str, metric: str) -> list[Interval] | None:
    if (interval := evaluate.interval(name, metric)) is None:
        return None
    return interval.by_frame or [interval.mean]


def _cell(form: str, value: float, ends: Interval | None) -> Cell:
    # A line break, where it takes one, comes before "to".
    low_high = "" if ends is None else " to\N{NO-BREAK SPACE}".join(map(form.format, ends))
    return Cell(form.format(value), low_high)


def _source(measured: Measured | None) -> str:
    """How a score was measured, in a line."""
    if measured is None:
        return ""
    weights = f", weights {measured.weights[:12]} of {measured.origin}" if measured.weights else ""
    return f"{measured.n} {measured.of}; {measured.backend}{weights}"
