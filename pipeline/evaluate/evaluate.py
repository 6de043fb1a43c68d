"""Generate the fixed clips, score every generated frame, and score what a model must beat."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline import stage
from pipeline.encoders import Encoder
from pipeline.evaluate.clips import Clips
from pipeline.image_metrics import psnr, ssim
from pipeline.train.rollout import Noise, Sampling
from pipeline.train.world_model import WorldModel

METRICS = ("latent_mse", "psnr", "ssim")
Scores = dict[str, Tensor]
"""Each metric of each generated frame, [B, F]."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A model, how it is sampled, and the codec that shows its latents."""

    model: WorldModel
    encoder: Encoder
    sampling: Sampling
    context: int
    """Frames of a clip that are given."""

    def decode(self, latents: Tensor) -> Tensor:
        """Whitened latents [B, F, C, h, w] to frames uint8 [B, F, 3, H, W]."""
        raw = self.model.spec.unwhiten(latents.cpu())
        return self.encoder.decode(raw.flatten(0, 1)).cpu().unflatten(0, raw.shape[:2])

    def noise(self, clips: Clips, generator: torch.Generator) -> Noise:
        """What the rollouts of some clips draw."""
        count, frames = clips.latents.shape[:2]
        shape = self.model.spec.latent_shape
        return self.sampling.noise(count, self.context, frames - self.context, shape, generator)

    def generate(self, clips: Clips, actions: Tensor, noise: Noise) -> Tensor:
        """Latents [B, F, C, h, w] of all frames of the clips but those given."""
        history = clips.latents[:, : self.context]
        return self.model.rollout(history, actions[:, :-1], noise, self.sampling).cpu()


def evaluate(
    judge: Judge, clips: Clips, batch: int, generator: torch.Generator
) -> dict[str, Scores]:
    """Scores of the model and of its baselines on the same clips, from the same noise.

    `repeat_last` repeats the last given frame; `shuffled_actions` and `zero_actions` are the model
    under the actions of another clip, or under none: one that ignores actions scores no worse.
    """
    order = torch.randperm(len(clips), generator=generator)
    others = torch.empty_like(clips.actions)
    others[order] = clips.actions[order.roll(1)]  # one cycle: nobody keeps its own actions
    noise, given = judge.noise(clips, generator), judge.context
    collected: dict[str, list[Scores]] = {}
    starts = range(0, len(clips), batch)
    for start in stage.track(starts, "evaluate"):
        rows = slice(start, start + batch)
        part = clips.part(start, start + batch)
        conditions = {
            "model": part.actions,
            "shuffled_actions": others[rows],
            "zero_actions": torch.zeros_like(part.actions),
        }
        for name, actions in conditions.items():
            latents = judge.generate(part, actions, noise.part(rows.start, rows.stop))
            collected.setdefault(name, []).append(_scores(part, latents, judge.decode(latents)))
        repeated = part.latents[:, given - 1 : given].expand_as(part.latents[:, given:])
        frames = part.frames[:, given - 1 : given].expand_as(part.frames[:, given:])
        collected.setdefault("repeat_last", []).append(_scores(part, repeated, frames))
    return {name: _joined(parts) for name, parts in collected.items()}


def summary(scores: dict[str, Scores]) -> dict[str, object]:
    """metrics/evaluate.json: the mean over clips of every metric, per generated frame."""
    count, frames = scores["model"]["psnr"].shape
    means = {
        name: {metric: scores[name][metric].double().mean(0).tolist() for metric in METRICS}
        for name in ("model", "repeat_last", "shuffled_actions", "zero_actions")
    }
    return {"clips": count, "frames": frames, **means}


def _scores(clips: Clips, latents: Tensor, frames: Tensor) -> Scores:
    """Against the recorded frames and the posterior means of their latents."""
    new = latents.shape[1]
    truth = clips.frames[:, -new:]

    def each(metric: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        flat = metric(frames.flatten(0, 1), truth.flatten(0, 1))
        return flat.unflatten(0, truth.shape[:2])

    error = (latents - clips.latents[:, -new:]).square().mean((2, 3, 4))
    return {"latent_mse": error, "psnr": each(psnr), "ssim": each(ssim)}


def _joined(parts: list[Scores]) -> Scores:
    return {metric: torch.cat([part[metric] for part in parts]) for metric in METRICS}
