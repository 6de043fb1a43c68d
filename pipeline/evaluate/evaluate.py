"""Generate the fixed clips and score every generated frame, for the model and its baselines."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from pipeline import stage
from pipeline.evaluate.actions import random_like
from pipeline.evaluate.batches import Batch, Batches, BatchScores, ConditionScores, score_batch
from pipeline.evaluate.clips import Clips
from pipeline.evaluate.generate import Evaluator
from pipeline.metrics.backend import OWN, Backend

ScoreAll = Callable[[Sequence[Batch]], Iterable[BatchScores]]
"""Scores batches, in their order, here or elsewhere."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores of all clips, before they are averaged.

    Attributes:
        scores: of each of CONDITIONS.
        true_features: Inception features of the true frames, [B F, D].
        last_latents: last generated latents [B, C, h, w] under `true`, `zero` and `random` actions.
        camera_errors: latent errors [B, F] under `true`, `frozen` and `other` cameras; none of a
            model that is not conditioned by them.
        backends: what computed each score, by name.
    """

    scores: dict[str, ConditionScores]
    true_features: Tensor
    last_latents: dict[str, Tensor]
    camera_errors: dict[str, Tensor]
    backends: Mapping[str, Backend]


def evaluate(
    evaluator: Evaluator,
    clips: Clips,
    batch: int,
    generator: torch.Generator,
    score_all: ScoreAll | None = None,
) -> Evaluation:
    """The model and its baselines on the same clips, from the same noise.

    `repeat_last` repeats the last context frame; `shuffled_actions` and `zero_actions` are the
    model under the actions of another clip, or under zero actions: a model that ignores actions
    scores no worse under these. Cameras stay, but under `Evaluation.camera_errors`.

    Args:
        evaluator: generates and decodes.
        clips: the fixed ones.
        batch: clips at a time.
        generator: draws the noise.
        score_all: in place of scoring batch after batch here.
    """
    order = torch.randperm(len(clips), generator=generator)
    shuffled = torch.empty_like(clips.actions)
    shuffled[order] = clips.actions[order.roll(1)]  # one cycle: no clip keeps its own actions
    noise = evaluator.noise(clips, generator)
    # The random actions have a generator of their own: they change no other number.
    own = torch.Generator().manual_seed(generator.initial_seed() + 1)
    dim = evaluator.spec.action_dim
    random = random_like(clips.actions[..., :dim], evaluator.spec, own)
    batches = Batches(Batch(clips, shuffled, random, noise, own), batch)
    scored = (score_all or partial(map, partial(score_batch, evaluator)))(batches)
    backends = {"latent_mse": Backend(OWN), **evaluator.metrics.backends}
    return _together(list(stage.track(scored, "evaluate", len(batches))), backends)


def _together(parts: Sequence[BatchScores], backends: Mapping[str, Backend]) -> Evaluation:
    """All batches together."""
    scores = {
        name: ConditionScores(
            _cat([part.scores[name].by_frame for part in parts]),
            torch.cat([part.scores[name].features for part in parts]),
        )
        for name in parts[0].scores
    }
    camera_errors = _cat([part.camera_errors for part in parts])
    if camera_errors:
        camera_errors["true"] = scores["model"].by_frame["latent_mse"]
    return Evaluation(
        scores,
        torch.cat([part.true_features for part in parts]),
        _cat([part.last_latents for part in parts]),
        camera_errors,
        backends,
    )


def _cat(batches: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.cat([batch[name] for batch in batches]) for name in batches[0]}
