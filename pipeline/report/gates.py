"""Gates: thresholds on the metrics that a run of the default pipeline must pass."""

import math
from dataclasses import dataclass

from pipeline.metrics.schema import DecoderKind
from pipeline.metrics.schema.evaluate import EvaluateMetrics
from pipeline.metrics.schema.fit import FitMetrics
from pipeline.metrics.schema.plan import TRIVIAL, Controller, PlanMetrics, PlanSkipped

MIN_RECONSTRUCTION = 26.0
MAX_ERROR_RATIO = 0.4
MIN_SHUFFLED_RATIO = 2.0
MAX_TRIVIAL = 0.5
MIN_GOALS = 48
SAID: dict[Controller, str] = {
    "noop": "no-op",
    "random": "random actions",
    "straight": "going straight to the goal",
    "nearest": "the nearest recorded stretch",
    "nearest_replay": "that stretch, replayed whole",
}
BELOW: tuple[Controller, ...] = ("random", "straight", "nearest", "nearest_replay")
"""Controllers without a model, which the planner must be above."""
ABSENT = "was not run"


@dataclass(frozen=True, slots=True)
class Gate:
    """One threshold: what is measured, the value, the bound, and whether it passes."""

    name: str
    measured: str
    bound: str
    passes: bool


def pixel_score(name: str, decoder: DecoderKind) -> str:
    """The name of a score of decoded pixels, which says if a fitted decoder limits it."""
    return f"{name} through the fitted decoder" if decoder == "fitted" else name


def gates(
    fit: FitMetrics, evaluate: EvaluateMetrics, plan: PlanMetrics | PlanSkipped
) -> list[Gate]:
    """Every gate; those of planning only if something was planned."""
    model, repeat, shuffled = (
        scores.latent_mse
        for scores in (evaluate.model, evaluate.repeat_last, evaluate.shuffled_actions)
    )
    to_repeat = [_ratio(a, b) for a, b in zip(model, repeat, strict=True)]
    to_shuffled = [_ratio(a, b) for a, b in zip(shuffled, model, strict=True)]
    without_plan = [
        Gate(
            pixel_score("reconstruction of validation frames, PSNR", fit.decoder),
            f"{fit.val_psnr:.1f} dB",
            f"at least {MIN_RECONSTRUCTION:g} dB",
            fit.val_psnr >= MIN_RECONSTRUCTION,
        ),
        Gate(
            "latent error / error of repeating the last frame, by frame",
            ", ".join(f"{ratio:.3f}" for ratio in to_repeat),
            f"below {MAX_ERROR_RATIO:g}",
            all(ratio < MAX_ERROR_RATIO for ratio in to_repeat),
        ),
        Gate(
            "latent error under another clip's actions / error, by frame",
            ", ".join(f"{ratio:.1f}" for ratio in to_shuffled),
            f"above {MIN_SHUFFLED_RATIO:g}",
            all(ratio > MIN_SHUFFLED_RATIO for ratio in to_shuffled),
        ),
    ]
    return [*without_plan, *_planning(plan)] if isinstance(plan, PlanMetrics) else without_plan


def _ratio(a: float, b: float) -> float:
    """The ratio a / b; NaN, which passes no gate, if both are 0, as for constant latents."""
    return a / b if b else a * math.inf


def _planning(plan: PlanMetrics) -> list[Gate]:
    """The goal set is not too easy, and the planner is above each controller without a model."""
    return [_hard(plan), *(_above(plan, name) for name in BELOW)]


def _hard(plan: PlanMetrics) -> Gate:
    rows = {name: plan.controllers.get(name) for name in TRIVIAL}
    measured = [
        f"{SAID[name]} {row.success_rate:.2f}" if row else f"{SAID[name]} {ABSENT}"
        for name, row in rows.items()
    ]
    return Gate(
        "success rate of trivial controllers",
        ", ".join(measured),
        f"each at most {MAX_TRIVIAL:g}, on at least {MIN_GOALS} goals",
        plan.goals >= MIN_GOALS
        and all(row and row.success_rate <= MAX_TRIVIAL for row in rows.values()),
    )


def _above(plan: PlanMetrics, name: Controller) -> Gate:
    """The planner is shown to be above a controller."""
    title = f"success rate of planning - that of {SAID[name]}"
    bound = "95 % interval above 0"
    row, planner = plan.controllers.get(name), plan.planner
    if row is None:
        return Gate(title, ABSENT, bound, passes=False)
    low, high = row.behind()
    difference = planner.success_rate - row.success_rate
    return Gate(
        title,
        f"{planner.success_rate:.2f} - {row.success_rate:.2f} = {difference:.2f} "
        f"({low:.2f} to {high:.2f}; {row.won} goals won, {row.lost} lost)",
        bound,
        low > 0,
    )
