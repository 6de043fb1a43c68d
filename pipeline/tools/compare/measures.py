"""The numbers of a run that are compared, and what must agree for them to be comparable."""

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.metrics.schema.evaluate import EvaluateMetrics
from pipeline.metrics.schema.fit import FitMetrics
from pipeline.metrics.schema.plan import Controller, PlanMetrics
from pipeline.metrics.schema.seconds import StageSeconds
from pipeline.metrics.schema.train import TrainMetrics
from pipeline.tools.compare.content import Content

DATA, CLIPS, LATENTS = "data", "validation clips", "latent space"
LOSS, GOALS = "training loss", "planning goals"
DECIDED_BY = {
    DATA: (
        *("dataset", "datasets.", "worlds.", "collect."),
        *("ingest.shortest", "ingest.train_share", "ingest.split_seed"),
    ),
    CLIPS: (
        *("evaluate.clips", "evaluate.seed", "evaluate.context"),
        *("train.frames", "train.interval"),
    ),
    LATENTS: ("encoder", "encoders.", "fit."),
    LOSS: ("objective", "objectives.", "train.levels.", "train.weighting.", "train.whitening"),
    GOALS: (*("plan.goals.", "plan.budget_frames", "plan.context", "plan.success", "plan.seed"),),
}
"""Params that decide what a number is about; one that ends in a dot stands for all below it."""


@dataclass(frozen=True, slots=True)
class Value:
    """A number, and the ends of its 95 % interval if it has one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """One row.

    Attributes:
        name: of the row.
        form: format of a value.
        better: 1 if more is better, -1 if less is; 0 if neither, or if the machine decides it.
        about: keys of DECIDED_BY; one run is the best only if these agree in all.
        of: the value of a run; None if it has none.
    """

    name: str
    form: str
    better: int
    about: tuple[str, ...]
    of: Callable[[Content], Value | None]


def decides(key: str, about: str) -> bool:
    """Whether the params `key` decides what `about`, a key of DECIDED_BY, stands for."""
    names = DECIDED_BY[about]
    return any(key == name or (name[-1] == "." and key.startswith(name)) for name in names)


def _fit(of: Callable[[FitMetrics], float | None]) -> Callable[[Content], Value | None]:
    return lambda run: _value(None if run.fit is None else of(run.fit))


def _train(of: Callable[[TrainMetrics], float | None]) -> Callable[[Content], Value | None]:
    return lambda run: _value(None if run.train is None else of(run.train))


def _evaluate(of: Callable[[EvaluateMetrics], float | None]) -> Callable[[Content], Value | None]:
    return lambda run: _value(None if run.evaluate is None else of(run.evaluate))


def _score(name: str) -> Callable[[Content], Value | None]:
    """A score of the model, with its interval where the run recorded one."""

    def value(run: Content) -> Value | None:
        if run.evaluate is None:
            return None
        found: float | None = getattr(run.evaluate.model.mean(), name)
        interval = run.evaluate.interval("model", name)
        return None if found is None else Value(found, *(interval.mean if interval else ()))

    return value


def _plan(of: Callable[[PlanMetrics], float | None]) -> Callable[[Content], Value | None]:
    return lambda run: _value(None if run.plan is None else of(run.plan))


def _time(of: Callable[[StageSeconds], float | None]) -> Callable[[Content], Value | None]:
    return lambda run: _value(of(run.seconds["train"]) if "train" in run.seconds else None)


def _value(value: float | None) -> Value | None:
    return None if value is None else Value(value)


def _reached(name: Controller) -> Callable[[Content], Value | None]:
    def value(run: Content) -> Value | None:
        row = None if run.plan is None else run.plan.controllers.get(name)
        return None if row is None else Value(row.success_rate, *row.success_interval)

    return value


def _ratio(above: float, below: float) -> float | None:
    return above / below if below else None


FRAMES = (DATA, CLIPS)
BESIDE: dict[Controller, str] = {
    "random": "random actions",
    "straight": "going straight",
    "nearest": "the nearest recorded stretch",
    "nearest_replay": "the nearest recorded stretch, replayed whole",
    "simulator_latent": "a perfect simulator",
}
"""Controllers that are told beside the planner."""
MEASURES = (
    Measure("reconstruction PSNR, dB", "{:.1f}", 1, (DATA,), _fit(lambda m: m.val_psnr)),
    Measure("parameters", "{:,.0f}", 0, (), _train(lambda m: m.parameters)),
    Measure("steps", "{:,.0f}", 0, (), _train(lambda m: m.steps)),
    Measure("training loss", "{:.4f}", -1, (DATA, LATENTS, LOSS), _train(lambda m: m.loss)),
    Measure(
        "validation loss", "{:.4f}", -1, (DATA, LATENTS, LOSS), _train(lambda m: m.validation_loss)
    ),
    Measure(
        "latent error",
        "{:.4f}",
        -1,
        (*FRAMES, LATENTS),
        _score("latent_mse"),
    ),
    Measure(
        "latent error / repeating the last frame",
        "{:.3f}",
        -1,
        FRAMES,
        _evaluate(lambda m: _ratio(m.model.mean().latent_mse, m.repeat_last.mean().latent_mse)),
    ),
    Measure(
        "latent error, another clip's actions / error",
        "{:.2f}",
        1,
        FRAMES,
        _evaluate(
            lambda m: _ratio(m.shuffled_actions.mean().latent_mse, m.model.mean().latent_mse)
        ),
    ),
    Measure("PSNR, dB", "{:.1f}", 1, FRAMES, _score("psnr")),
    Measure("SSIM", "{:.3f}", 1, FRAMES, _score("ssim")),
    Measure("LPIPS", "{:.3f}", -1, FRAMES, _score("lpips")),
    Measure("clean distractor, share of frames", "{:.3f}", 1, FRAMES, _score("validity")),
    Measure(
        "diversity of its places",
        "{:.3f}",
        1,
        FRAMES,
        _evaluate(lambda m: None if m.distractor is None else m.distractor.entropy),
    ),
    Measure("PSNR without it, dB", "{:.1f}", 1, FRAMES, _score("predictable_psnr")),
    Measure("FID", "{:.1f}", -1, FRAMES, _score("fid")),
    Measure("goals reached", "{:.0%}", 1, (DATA, GOALS), _reached("planner")),
    *(
        Measure(f"goals reached by {said}", "{:.0%}", 0, (), _reached(name))
        for name, said in BESIDE.items()
    ),
    Measure("seconds per replan", "{:.3f}", 0, (), _plan(lambda m: m.seconds_per_replan)),
    Measure("CPU-seconds per replan", "{:.3f}", 0, (), _plan(lambda m: m.cpu_seconds_per_replan)),
    Measure("training, seconds", "{:,.0f}", 0, (), _time(lambda m: m.seconds)),
    Measure("training, clips/s", "{:,.0f}", 0, (), _time(lambda m: m.clips_per_second)),
    Measure("training, peak memory, GB", "{:.2f}", 0, (), _time(lambda m: m.peak_memory_gb)),
)
"""In the order in which they are shown; scores are means over clips and generated frames."""
