"""What hangs on the actions: the last generated latent under true, zero and random ones.

Action sensitivity as in Nano World Models (arXiv 2605.23993, tables 4-6).
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.evaluate.clips import Clips
from pipeline.evaluate.generate import Evaluator
from pipeline.latents.spec import LatentSpec

ENDS = {"model": "true", "zero_actions": "zero"}
"""The conditions of evaluate whose last latents are compared, by the actions of each."""


def random_like(actions: Tensor, spec: LatentSpec, generator: torch.Generator) -> Tensor:
    """Actions of that shape [..., A], each uniform between the least and the most that trained."""
    least, most = (spec.action(statistic, actions) for statistic in ("min", "max"))
    return least + (most - least) * torch.rand(actions.shape, generator=generator)


def table(judge: Evaluator, clips: Clips, ends: Mapping[str, Tensor]) -> dict[str, object]:
    """metrics/actions.json.

    Args:
        judge: who generated.
        clips: the fixed validation clips.
        ends: their last latents [B, C, h, w] as the model whitens them, by the actions they had.

    Returns:
        Errors of `ends` and of the last given frame (`start`): in units of the cache's whitened
        latents, and, under `published`, of latents as the encoder's authors use them.
    """
    ours, cached = judge.model.spec, judge.spec
    ends = {"start": clips.latents[:, judge.context - 1], **ends}
    truth = clips.latents[:, -1]

    def errors_in(spec: LatentSpec) -> dict[str, dict[str, float]]:
        return errors(ends, truth, lambda latent: spec.whiten(ours.unwhiten(latent.double())))

    return {
        "clips": len(clips),
        **errors_in(cached),
        "published": errors_in(cached.as_published()),
        "embedding_rms": _rms(judge.model.embed_actions(clips.actions[:, :-1])),
        "latent": cached.encoder,
        "whitening": "channel" if (ours.mean, ours.std) == (cached.mean, cached.std) else "none",
    }


def errors(
    ends: Mapping[str, Tensor], truth: Tensor, seen: Callable[[Tensor], Tensor]
) -> dict[str, dict[str, float]]:
    """Each error of latents [B, C, h, w], in float64, its mean over clips; `seen` sets the unit."""

    def mean(metric: Callable[[Tensor, Tensor], Tensor], latents: Tensor) -> float:
        pairs = zip(latents, truth, strict=True)  # one by one: wide latents would fill memory
        return float(torch.stack([metric(seen(a), seen(b)) for a, b in pairs]).mean())

    return {
        name: {end: mean(metric, latents) for end, latents in ends.items()}
        for name, metric in METRICS.items()
    }


def _mse(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square().mean()


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    """1 - cosine of the whole latents, flattened."""
    return 1 - functional.cosine_similarity(a.flatten(), b.flatten(), dim=0)


METRICS = {"mse": _mse, "cosine": _cosine}


def _rms(embedding: Tensor | None) -> float | None:
    """Root mean square over clips, frames and width."""
    return None if embedding is None else float(embedding.double().square().mean().sqrt())
