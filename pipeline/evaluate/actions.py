"""Action sensitivity: the last generated latent under true, zero and random actions.

As in Nano World Models (arXiv 2605.23993, tables 4-6).
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.evaluate.clips import Clips
from pipeline.evaluate.generate import Evaluator
from pipeline.latents.spec import LatentSpec
from pipeline.metrics.schema.evaluate import ActionMetrics, ByActions, LatentErrors

ACTIONS = {"model": "true", "zero_actions": "zero"}
"""Conditions of evaluate whose last latents are compared, with the name of their actions."""


def random_like(actions: Tensor, spec: LatentSpec, generator: torch.Generator) -> Tensor:
    """Actions like `actions` [..., A], uniform between minimum and maximum of the train split."""
    low, high = (spec.action(statistic, actions) for statistic in ("min", "max"))
    return low + (high - low) * torch.rand(actions.shape, generator=generator)


def sensitivity(
    evaluator: Evaluator, clips: Clips, last_latents: Mapping[str, Tensor]
) -> ActionMetrics:
    """Errors of the last latents of all clips against their posterior means.

    Args:
        evaluator: the model that generated them.
        clips: the fixed validation clips.
        last_latents: [B, C, h, w] as the model whitens them, under `true`, `zero` and `random`
            actions; the last context latents are added as `start`.

    Returns:
        Errors of latents as the cache whitens them and, under `published`, as the encoder's
        authors scale them.
    """
    trained, cached = evaluator.model.spec, evaluator.spec
    generated = {"start": clips.latents[:, evaluator.context - 1], **last_latents}
    truth = clips.latents[:, -1]

    def errors_as(spec: LatentSpec) -> LatentErrors:
        return errors(generated, truth, lambda x: spec.whiten(trained.unwhiten(x.double())))

    whitened = errors_as(cached)
    is_whitened = (trained.mean, trained.std) == (cached.mean, cached.std)
    return ActionMetrics(
        clips=len(clips),
        mse=whitened.mse,
        cosine=whitened.cosine,
        published=errors_as(cached.as_published()),
        embedding_rms=_rms(evaluator.model.embed_actions(clips.actions[:, :-1])),
        latent=cached.encoder,
        whitening="channel" if is_whitened else "none",
    )


def errors(
    generated: Mapping[str, Tensor], truth: Tensor, to_space: Callable[[Tensor], Tensor]
) -> LatentErrors:
    """Mean over clips of each error of latents [B, C, h, w], in float64.

    `to_space` maps a latent [C, h, w] to the space in which errors are counted.
    """

    def means(error: Callable[[Tensor, Tensor], Tensor]) -> ByActions:
        return ByActions.model_validate(
            {name: mean(error, latents) for name, latents in generated.items()}
        )

    def mean(error: Callable[[Tensor, Tensor], Tensor], latents: Tensor) -> float:
        pairs = zip(latents, truth, strict=True)  # one by one: wide latents would fill memory
        return float(torch.stack([error(to_space(a), to_space(b)) for a, b in pairs]).mean())

    return LatentErrors(mse=means(_mse), cosine=means(_cosine_distance))


def _mse(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square().mean()


def _cosine_distance(a: Tensor, b: Tensor) -> Tensor:
    """1 - cosine similarity of whole latents, flattened."""
    return 1 - functional.cosine_similarity(a.flatten(), b.flatten(), dim=0)


def _rms(embedding: Tensor | None) -> float | None:
    """Root mean square over clips, frames and channels."""
    return None if embedding is None else float(embedding.double().square().mean().sqrt())
