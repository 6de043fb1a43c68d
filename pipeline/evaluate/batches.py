"""The batches that the fixed clips are generated and scored in: the unit of parallel work."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pipeline.diffusion.sampling import Noise
from pipeline.evaluate.actions import ACTIONS
from pipeline.evaluate.clips import Clips
from pipeline.evaluate.control import camera_conditions, with_actions
from pipeline.evaluate.generate import Evaluator


@dataclass(frozen=True, slots=True)
class Batch:
    """B clips, and all that is drawn for them.

    Attributes:
        clips: what is recorded.
        shuffled: actions of other clips, with their motions, [B, T, interval, A + motion_dim].
        random: drawn actions [B, T, interval, A].
        noise: of the rollouts under all but the random actions.
        own: the generator of rollouts under these.
    """

    clips: Clips
    shuffled: Tensor
    random: Tensor
    noise: Noise
    own: torch.Generator


@dataclass(frozen=True, slots=True)
class Batches(Sequence[Batch]):
    """All clips, `size` at a time; a batch is cut when it is asked for."""

    whole: Batch
    size: int

    def __len__(self) -> int:
        """Number of batches."""
        return -(-len(self.whole.clips) // self.size)

    def __getitem__(self, number: int) -> Batch:  # type: ignore[override]  # no slices
        """A batch, whose tensors are views."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        whole, rows = self.whole, slice(number * self.size, (number + 1) * self.size)
        return Batch(
            whole.clips.part(rows.start, rows.stop),
            whole.shuffled[rows],
            whole.random[rows],
            whole.noise.part(rows.start, rows.stop),
            whole.own,
        )


@dataclass(frozen=True, slots=True)
class Truth:
    """What the generated frames of a batch are compared with.

    Attributes:
        latents: posterior means [B, F, C, h, w], as the model whitens.
        frames: as the encoder sees them, float32 [B, F, 3, H, W] in 0..1.
    """

    latents: Tensor
    frames: Tensor


@dataclass(frozen=True, slots=True)
class ConditionScores:
    """Scores of the model, or of a baseline.

    Attributes:
        by_frame: each metric of each generated frame, [B, F].
        features: Inception features of all generated frames, [B F, D]; D is 0 without an FID.
    """

    by_frame: dict[str, Tensor]
    features: Tensor


@dataclass(frozen=True, slots=True)
class BatchScores:
    """What is measured of a batch: the fields of `evaluate.Evaluation`, of B clips."""

    scores: dict[str, ConditionScores]
    true_features: Tensor
    last_latents: dict[str, Tensor]
    camera_errors: dict[str, Tensor]


def score_batch(evaluator: Evaluator, batch: Batch) -> BatchScores:
    """Generate the clips of a batch under all conditions, and score their frames."""
    clips, context = batch.clips, evaluator.context
    pixels = clips.pixels()
    truth = Truth(clips.latents[:, context:], pixels[:, context:])
    dim = evaluator.spec.action_dim  # motions of cameras follow the actions
    actions_of = {
        "model": clips.actions,
        "shuffled_actions": with_actions(clips.actions, batch.shuffled[..., :dim]),
        "zero_actions": with_actions(clips.actions, torch.zeros_like(clips.actions[..., :dim])),
    }
    found = BatchScores({}, evaluator.metrics.features(truth.frames), {}, {})
    for condition, actions in actions_of.items():
        latents = evaluator.generate(clips, actions, batch.noise)
        frames = evaluator.decode_float(latents)
        found.scores[condition] = _compare(evaluator, truth, latents, frames)
        if condition in ACTIONS:
            found.last_latents[ACTIONS[condition]] = latents[:, -1]
    if evaluator.model.spec.camera_scale is not None:
        for condition, actions in camera_conditions(clips.actions, batch.shuffled).items():
            latents = evaluator.generate(clips, actions, batch.noise)
            found.camera_errors[condition] = evaluator.error(latents, truth.latents)
    actions = with_actions(clips.actions, batch.random)
    latents = evaluator.generate(clips, actions, replace(batch.noise, generators=(batch.own,)))
    found.last_latents["random"] = latents[:, -1]
    repeated = clips.latents[:, context - 1 : context].expand_as(truth.latents)
    frames = pixels[:, context - 1 : context].expand_as(truth.frames)
    found.scores["repeat_last"] = _compare(evaluator, truth, repeated, frames)
    return found


def _compare(
    evaluator: Evaluator, truth: Truth, latents: Tensor, frames: Tensor
) -> ConditionScores:
    """Scores of latents [B, F, C, h, w] and frames [B, F, 3, H, W] in 0..1.

    Frames are compared with the recorded ones, latents with their posterior means.
    """
    error = evaluator.error(latents, truth.latents)
    scores = evaluator.metrics.scores(frames, truth.frames)
    return ConditionScores({"latent_mse": error, **scores}, evaluator.metrics.features(frames))
