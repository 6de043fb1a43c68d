"""The page of a comparison: one HTML file that needs no other."""

from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.tools.compare import charts, clips
from pipeline.tools.compare.charts import Curve
from pipeline.tools.compare.comparison import Comparison
from pipeline.tools.compare.content import Content
from pipeline.tools.compare.tables import in_words, number


def render(runs: Sequence[Content], comparison: Comparison) -> str:
    """The whole page."""
    environment = Environment(
        loader=PackageLoader("pipeline.tools.compare"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("compare.html").render(
        comparison=comparison,
        colours=[charts.colour_of(index) for index in range(len(runs))],
        in_words=in_words,
        number=number,
        charts=_charts(runs),
        dreams=clips.dreams(runs),
        plans=clips.plans(runs),
    )


def _charts(runs: Sequence[Content]) -> dict[str, str]:
    """Charts as SVG, by title; those that no run has anything for are left out."""
    training, validation, psnr, error, planning = [], [], [], [], []
    for index, run in enumerate(runs):
        if run.curve is not None:
            rows = run.curve
            training.append(Curve(index, [r.step for r in rows], [r.loss for r in rows]))
        if run.validation is not None:
            points = run.validation
            validation.append(Curve(index, [r.step for r in points], [r.loss for r in points]))
        if run.evaluate is not None:
            frames = range(1, run.evaluate.frames + 1)
            repeat = run.evaluate.repeat_last
            psnr.append(Curve(index, frames, run.evaluate.model.psnr))
            to_repeat = zip(run.evaluate.model.latent_mse, repeat.latent_mse, strict=True)
            ratios = [ours / theirs if theirs else float("nan") for ours, theirs in to_repeat]
            error.append(Curve(index, frames, ratios))
        if run.plan is not None:
            planner = run.plan.planner
            effort, ends = [run.plan.cpu_seconds_per_replan], [planner.success_interval]
            planning.append(Curve(index, effort, [planner.success_rate], ends))
    psnr += _baselines(runs)
    frame = "generated frame"
    told = {
        "Training loss": (training, ("step", "loss"), True),
        "Validation loss": (validation, ("step", "loss"), True),
        "PSNR by generated frame": (psnr, (frame, "PSNR in dB"), False),
        "Latent error / repeating the last frame": (error, (frame, "ratio"), False),
        "Success of planning": (planning, ("CPU-seconds per replan", "success rate"), False),
    }
    return {
        title: charts.chart(curves, labels, log=log, name=title)
        for title, (curves, labels, log) in told.items()
        if curves
    }


def _baselines(runs: Sequence[Content]) -> list[Curve]:
    """The PSNR of repeating the last frame: one line for all runs where it is the same."""
    found: dict[tuple[float, ...], Curve] = {}
    for run in runs:
        if run.evaluate is not None:
            psnr = run.evaluate.repeat_last.psnr
            rounded = tuple(round(value, 3) for value in psnr)
            found.setdefault(rounded, Curve(None, range(1, len(psnr) + 1), psnr))
    return list(found.values())
