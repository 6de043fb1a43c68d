"""Gates: thresholds on the metrics that a run of the default pipeline must pass."""

import math
from dataclasses import dataclass

from pipeline.metrics.schema import DecoderKind
from pipeline.metrics.schema.evaluate import EvaluateMetrics
from pipeline.metrics.schema.fit import FitMetrics
from pipeline.metrics.schema.plan import PlanMetrics, PlanSkipped

MIN_RECONSTRUCTION = 26.0
MAX_ERROR_RATIO = 0.4
MIN_SHUFFLED_RATIO = 2.0
MIN_GAIN = 0.35
MIN_GOALS = 48


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
    """Every gate; that of planning only if something was planned."""
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
    return [*without_plan, _planning(plan)] if isinstance(plan, PlanMetrics) else without_plan


def _ratio(a: float, b: float) -> float:
    """The ratio a / b; NaN, which passes no gate, if both are 0, as for constant latents."""
    return a / b if b else a * math.inf


def _planning(plan: PlanMetrics) -> Gate:
    gain = plan.success_rate - plan.random_success_rate
    return Gate(
        f"success rate of planning - of random actions, {plan.goals} goals",
        f"{plan.success_rate:.2f} - {plan.random_success_rate:.2f} = {gain:.2f}",
        f"at least {MIN_GAIN:g} on {MIN_GOALS} goals",
        gain >= MIN_GAIN and plan.goals >= MIN_GOALS,
    )
