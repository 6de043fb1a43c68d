"""Generate the fixed clips, score every generated frame, and score what a model must beat."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pipeline import stage
from pipeline.encoders import Draws
from pipeline.evaluate.actions import ENDS, random_like
from pipeline.evaluate.clips import Clips
from pipeline.evaluate.judge import Judge
from pipeline.image_metrics import psnr, ssim

METRICS = ("latent_mse", "psnr", "ssim")
Scores = dict[str, Tensor]
"""Each metric of each generated frame, [B, F]."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of the clips.

    Attributes:
        scores: of the model and of each baseline.
        ends: last generated latents [B, C, h, w], under `true`, `zero` and `random` actions.
    """

    scores: dict[str, Scores]
    ends: dict[str, Tensor]


def evaluate(judge: Judge, clips: Clips, batch: int, generator: torch.Generator) -> Evaluation:
    """The model and its baselines on the same clips, from the same noise.

    `repeat_last` repeats the last given frame; `shuffled_actions` and `zero_actions` are the model
    under the actions of another clip, or under none: one that ignores actions scores no worse.
    """
    order = torch.randperm(len(clips), generator=generator)
    others = torch.empty_like(clips.actions)
    others[order] = clips.actions[order.roll(1)]  # one cycle: nobody keeps its own actions
    noise, given = judge.noise(clips, generator), judge.context
    # The random actions have a generator of their own: they change no other number.
    own = torch.Generator().manual_seed(generator.initial_seed() + 1)
    random = random_like(clips.actions, judge.spec, own)
    collected: dict[str, list[Scores]] = {}
    ends: dict[str, list[Tensor]] = {}
    starts = range(0, len(clips), batch)
    for start in stage.track(starts, "evaluate"):
        rows = slice(start, start + batch)
        part, drawn = clips.part(start, start + batch), noise.part(rows.start, rows.stop)
        conditions = {
            "model": part.actions,
            "shuffled_actions": others[rows],
            "zero_actions": torch.zeros_like(part.actions),
        }
        for name, actions in conditions.items():
            latents = judge.generate(part, actions, drawn)
            frames = judge.decode(latents)
            collected.setdefault(name, []).append(_scores(judge, part, latents, frames))
            if name in ENDS:
                ends.setdefault(ENDS[name], []).append(latents[:, -1])
        latents = judge.generate(part, random[rows], replace(drawn, generator=own))
        ends.setdefault("random", []).append(latents[:, -1])
        repeated = part.latents[:, given - 1 : given].expand_as(part.latents[:, given:])
        frames = part.frames[:, given - 1 : given].expand_as(part.frames[:, given:])
        collected.setdefault("repeat_last", []).append(_scores(judge, part, repeated, frames))
    scores = {name: _joined(parts) for name, parts in collected.items()}
    return Evaluation(scores, {name: torch.cat(parts) for name, parts in ends.items()})


def summary(scores: dict[str, Scores], decoder: Draws) -> dict[str, object]:
    """metrics/evaluate.json: the mean over clips of every metric, per generated frame."""
    count, frames = scores["model"]["psnr"].shape
    means = {
        name: {metric: scores[name][metric].double().mean(0).tolist() for metric in METRICS}
        for name in ("model", "repeat_last", "shuffled_actions", "zero_actions")
    }
    return {"clips": count, "frames": frames, "decoder": decoder, **means}


def _scores(judge: Judge, clips: Clips, latents: Tensor, frames: Tensor) -> Scores:
    """Against the recorded frames and the posterior means of their latents."""
    new = latents.shape[1]
    truth = clips.frames[:, -new:]

    def each(metric: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        flat = metric(frames.flatten(0, 1), truth.flatten(0, 1))
        return flat.unflatten(0, truth.shape[:2])

    error = judge.error(latents, clips.latents[:, -new:])
    return {"latent_mse": error, "psnr": each(psnr), "ssim": each(ssim)}


def _joined(parts: list[Scores]) -> Scores:
    return {metric: torch.cat([part[metric] for part in parts]) for metric in METRICS}
