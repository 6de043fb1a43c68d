"""The report page, rendered from the metrics, plots and results of all stages."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.errors import DataError
from pipeline.families import FAMILIES
from pipeline.files.content import parsing
from pipeline.files.npy import read_npz
from pipeline.metrics.schema import plan as plan_metrics
from pipeline.metrics.schema import probe as probe_metrics
from pipeline.metrics.schema import rollout as rollout_metrics
from pipeline.metrics.schema.evaluate import ActionMetrics, ByActions, EvaluateMetrics
from pipeline.metrics.schema.fit import FitMetrics
from pipeline.metrics.schema.plan import PlanMetrics
from pipeline.metrics.schema.preflight import PreflightReport
from pipeline.metrics.schema.probe import ProbeMetrics, ProbeSkipped
from pipeline.metrics.schema.rollout import RolloutMetrics
from pipeline.metrics.schema.seconds import StageSeconds
from pipeline.metrics.schema.train import CurveRow, LevelRow, TrainMetrics
from pipeline.params import STAGES, Settings
from pipeline.report import Options, charts, figures, motion, planning, rollouts, scores, states
from pipeline.report.films import read_films
from pipeline.report.gates import gates, pixel_score

DREAMS = "uint8 clips frames 3 height width"
TRAIN_AGAIN, EVALUATE_AGAIN = (
    f"make it again: `dvc repro -f {stage}`" for stage in ("train", "evaluate")
)


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files that a report is made of; `preflight` need not be there."""

    fit: Path
    train: Path
    evaluate: Path
    actions: Path
    probe: Path
    rollout: Path
    plan: Path
    curve: Path
    levels: Path
    samples: Path
    dreams: Path
    rollouts: Path
    films: Path
    seconds: Path
    preflight: Path | None = None


def render(inputs: Inputs, settings: Settings, options: Options) -> str:
    """The whole page as HTML that needs no other file.

    Raises:
        DataError: a metrics file or a table is missing or damaged.
    """
    fit, train = FitMetrics.read(inputs.fit), TrainMetrics.read(inputs.train)
    evaluate, plan = EvaluateMetrics.read(inputs.evaluate), plan_metrics.read(inputs.plan)
    actions = ActionMetrics.read(inputs.actions)
    rolled = rollout_metrics.read(inputs.rollout)
    # Read first, for drawing takes longer than saying that a file is damaged.
    seconds, samples = _seconds(inputs.seconds), _samples(inputs.samples)
    films = read_films(inputs.films, options.episodes) if isinstance(plan, PlanMetrics) else []
    environment = Environment(
        loader=PackageLoader("pipeline.report"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("page.html").render(
        selected={
            "dataset": settings.dataset,
            **{family.selector: settings.chosen(family) for family in FAMILIES},
        },
        context=_context(evaluate, settings),
        fit=fit,
        train=train,
        evaluate=evaluate,
        actions=actions,
        sensitivity=_sensitivity(actions),
        plan=plan,
        readout=_readout(probe_metrics.read(inputs.probe)),
        gates=gates(fit, evaluate, plan),
        tables=scores.tables(evaluate),
        states=None if evaluate.state_model is None else states.section(evaluate.state_model),
        motion=None if evaluate.motion is None else motion.section(evaluate.motion),
        psnr=pixel_score("PSNR", evaluate.decoder),
        curves=_curves(inputs, evaluate),
        samples=samples,
        dreams=_dreams(inputs.dreams, options.dreams),
        rolled=(
            rollouts.section(rolled, inputs.rollouts)
            if isinstance(rolled, RolloutMetrics)
            else None
        ),
        planned=(
            planning.section(plan, films, settings.values["plan"])
            if isinstance(plan, PlanMetrics)
            else None
        ),
        seconds=seconds,
        preflight=_preflight(inputs.preflight),
        params=yaml.safe_dump(_params(settings), sort_keys=False),
    )


def _context(evaluate: EvaluateMetrics, settings: Settings) -> int:
    """Frames that the model was given; a state model says itself how many."""
    if evaluate.state_model is not None:
        return evaluate.state_model.history
    context: int = settings.values["evaluate"]["context"]
    return context


def _sensitivity(actions: ActionMetrics) -> dict[str, ByActions]:
    return {
        "mean squared error, whitened": actions.mse,
        "cosine distance, whitened": actions.cosine,
        "mean squared error, as published": actions.published.mse,
        "cosine distance, as published": actions.published.cosine,
    }


def _curves(inputs: Inputs, evaluate: EvaluateMetrics) -> dict[str, str]:
    """Line charts as data URIs, by title."""
    curve, levels = CurveRow.read(inputs.curve), LevelRow.read(inputs.levels)
    loss = {"loss": [row.loss for row in curve]}
    of_states = evaluate.state_model is not None
    title = "Validation error by row" if of_states else "Training error by noise level"
    percent = "% of the forecast" if of_states else "noise level, % of the way from clean to noise"
    middles = [50 * (row.low + row.high) for row in levels]
    by_level = {"error": [row.error for row in levels]}
    psnr_title = f"{pixel_score('PSNR', evaluate.decoder)} by generated frame"
    return {
        "Training loss": charts.lines([r.step for r in curve], loss, ("step", "loss"), log=True),
        title: charts.lines(middles, by_level, (percent, "error")),
        psnr_title: scores.curve(evaluate, "psnr", "PSNR in dB"),
        "Latent error by generated frame": scores.curve(evaluate, "latent_mse", "error"),
    }


def _preflight(path: Path | None) -> PreflightReport | None:
    """What `wm preflight --run` found, if it was run."""
    if path is None or not path.exists():
        return None
    return PreflightReport.read(path, f"make it again: `wm preflight --run --json {path}`")


def _samples(path: Path) -> str:
    """Validation clips, as one image."""
    if not path.is_file():
        raise DataError(f"{path}: no such file; {TRAIN_AGAIN}")
    with parsing(path, TRAIN_AGAIN):
        return figures.still(path)


def _dreams(path: Path, count: int) -> list[str]:
    """Truth, prediction and error of the first long rollouts, as animations."""
    content = read_npz(path, EVALUATE_AGAIN, dict.fromkeys(("truth", "prediction"), DREAMS))
    with parsing(path, EVALUATE_AGAIN):
        return [
            figures.animation(
                [
                    figures.side_by_side([real, generated, figures.error(real, generated)])
                    for real, generated in zip(*rollouts, strict=True)
                ]
            )
            for rollouts in zip(
                *(content[name][:count].transpose(0, 1, 3, 4, 2) for name in content),
                strict=True,
            )
        ]


@dataclass(frozen=True, slots=True)
class Readout:
    """How well coordinates are read from latents: distances in the world's units.

    Attributes:
        distance: median of the distance to the recorded ones.
        high_distance: its 90 % quantile.
        gain: error of guessing the mean, as a multiple of the error.
    """

    distance: float
    high_distance: float
    gain: float


def _readout(probe: ProbeMetrics | ProbeSkipped) -> Readout | None:
    if isinstance(probe, ProbeSkipped):
        return None
    error, guess = sum(probe.median_error), sum(probe.mean_median_error)
    return Readout(probe.distance, probe.high_distance, guess / error if error else math.inf)


def _seconds(folder: Path) -> dict[str, float]:
    """The time that each stage took, in the order of the pipeline."""
    paths = {stage: folder / f"{stage}.json" for stage in STAGES}
    return {
        stage: StageSeconds.read(path, f"make it again: `dvc repro -f {stage}`").seconds
        for stage, path in paths.items()
        if path.is_file()
    }


def _params(settings: Settings) -> dict[str, Any]:
    """The params of this run: those of every stage, and of the selected member of each family."""
    values = settings.values
    stages = {stage: values[stage] for stage in STAGES}
    options: dict[str, Any] = {}
    for family in FAMILIES:
        if settings.chosen(family) is not None:
            block, name = settings.block(family).split(".", 1)
            options[f"{block}.{name}"] = values[block][name]
    return {**stages, **options}
