"""What a run of the default pipeline must show before anyone trusts the rest of it."""

import math
from dataclasses import dataclass
from typing import Any

MIN_RECONSTRUCTION = 26.0
MAX_ERROR_RATIO = 0.4
MIN_SHUFFLED_RATIO = 2.0
MIN_GAIN = 0.35
MIN_GOALS = 48


@dataclass(frozen=True, slots=True)
class Gate:
    """One promise: what was measured, what it is held against, and whether it holds."""

    name: str
    measured: str
    bound: str
    holds: bool


def pixels(score: str, decoder: str) -> str:
    """What a score of decoded pixels is called, that nobody takes a small decoder for the model."""
    return f"{score} through the fitted decoder" if decoder == "fitted" else score


def gates(fit: dict[str, Any], evaluate: dict[str, Any], plan: dict[str, Any]) -> list[Gate]:
    """Every promise, checked on the metrics; planning only where a world can be planned in."""
    model, repeat, shuffled = (
        evaluate[name]["latent_mse"] for name in ("model", "repeat_last", "shuffled_actions")
    )
    ratios = [_ratio(ours, theirs) for ours, theirs in zip(model, repeat, strict=True)]
    ignored = [_ratio(theirs, ours) for ours, theirs in zip(model, shuffled, strict=True)]
    promises = [
        Gate(
            pixels("reconstruction of validation frames, PSNR", fit["decoder"]),
            f"{fit['val_psnr']:.1f} dB",
            f"at least {MIN_RECONSTRUCTION:g} dB",
            fit["val_psnr"] >= MIN_RECONSTRUCTION,
        ),
        Gate(
            "error / error of repeating the last frame, by frame",
            ", ".join(f"{ratio:.3f}" for ratio in ratios),
            f"below {MAX_ERROR_RATIO:g} x",
            all(ratio < MAX_ERROR_RATIO for ratio in ratios),
        ),
        Gate(
            "error under another clip's actions / error, by frame",
            ", ".join(f"{ratio:.1f}" for ratio in ignored),
            f"above {MIN_SHUFFLED_RATIO:g} x",
            all(ratio > MIN_SHUFFLED_RATIO for ratio in ignored),
        ),
    ]
    return [*promises, _planning(plan)] if plan["goals"] else promises


def _ratio(a: float, b: float) -> float:
    """The ratio a / b; NaN, which passes no gate, where latents that never vary leave both at 0."""
    return a / b if b else a * math.inf


def _planning(plan: dict[str, Any]) -> Gate:
    gain = plan["success_rate"] - plan["random_success_rate"]
    return Gate(
        f"planning success - chance, {plan['goals']} goals",
        f"{plan['success_rate']:.2f} - {plan['random_success_rate']:.2f} = {gain:.2f}",
        f"at least {MIN_GAIN:g} on {MIN_GOALS} goals",
        gain >= MIN_GAIN and plan["goals"] >= MIN_GOALS,
    )
