"""Generate the fixed clips and score every generated frame, for the model and its baselines."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from pipeline import stage
from pipeline.evaluate.actions import ACTIONS, random_like
from pipeline.evaluate.clips import Clips
from pipeline.evaluate.control import camera_conditions, with_actions
from pipeline.evaluate.generate import Evaluator
from pipeline.metrics.backend import OWN, Backend

Batches = defaultdict[str, list[Tensor]]
"""Tensors by name, one for each batch of clips."""


def _batches() -> Batches:
    return defaultdict(list)


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
class ScoreAccumulator:
    """Collects an evaluation batch by batch."""

    evaluator: Evaluator
    by_frame: defaultdict[str, Batches] = field(default_factory=lambda: defaultdict(_batches))
    features: Batches = field(default_factory=_batches)
    true_features: list[Tensor] = field(default_factory=list)
    last_latents: Batches = field(default_factory=_batches)
    camera_errors: Batches = field(default_factory=_batches)

    def add(self, condition: str, truth: Truth, latents: Tensor, frames: Tensor) -> None:
        """Score latents [B, F, C, h, w] and frames [B, F, 3, H, W] in 0..1 of a batch of clips.

        Frames are compared with the recorded ones, latents with their posterior means.
        """
        error = self.evaluator.error(latents, truth.latents)
        scores = self.evaluator.metrics.scores(frames, truth.frames)
        for metric, values in {"latent_mse": error, **scores}.items():
            self.by_frame[condition][metric].append(values)
        self.features[condition].append(self.evaluator.metrics.features(frames))

    def evaluation(self) -> Evaluation:
        """All batches together."""
        scores = {
            name: ConditionScores(_cat(metrics), torch.cat(self.features[name]))
            for name, metrics in self.by_frame.items()
        }
        backends = {"latent_mse": Backend(OWN), **self.evaluator.metrics.backends}
        features = torch.cat(self.true_features)
        camera_errors = _cat(self.camera_errors)
        if camera_errors:
            camera_errors["true"] = scores["model"].by_frame["latent_mse"]
        return Evaluation(scores, features, _cat(self.last_latents), camera_errors, backends)


def evaluate(
    evaluator: Evaluator, clips: Clips, batch: int, generator: torch.Generator
) -> Evaluation:
    """The model and its baselines on the same clips, from the same noise.

    `repeat_last` repeats the last context frame; `shuffled_actions` and `zero_actions` are the
    model under the actions of another clip, or under zero actions: a model that ignores actions
    scores no worse under these. Cameras stay, but under `Evaluation.camera_errors`.
    """
    order = torch.randperm(len(clips), generator=generator)
    shuffled = torch.empty_like(clips.actions)
    shuffled[order] = clips.actions[order.roll(1)]  # one cycle: no clip keeps its own actions
    dim = evaluator.spec.action_dim  # motions of cameras follow the actions
    all_noise, context = evaluator.noise(clips, generator), evaluator.context
    # The random actions have a generator of their own: they change no other number.
    own = torch.Generator().manual_seed(generator.initial_seed() + 1)
    random = random_like(clips.actions[..., :dim], evaluator.spec, own)
    scores = ScoreAccumulator(evaluator)
    for start in stage.track(range(0, len(clips), batch), "evaluate"):
        rows = slice(start, start + batch)
        part, noise = clips.part(rows.start, rows.stop), all_noise.part(rows.start, rows.stop)
        pixels = part.pixels()
        truth = Truth(part.latents[:, context:], pixels[:, context:])
        actions_of = {
            "model": part.actions,
            "shuffled_actions": with_actions(part.actions, shuffled[rows, ..., :dim]),
            "zero_actions": with_actions(part.actions, torch.zeros_like(part.actions[..., :dim])),
        }
        for condition, actions in actions_of.items():
            latents = evaluator.generate(part, actions, noise)
            scores.add(condition, truth, latents, evaluator.decode_float(latents))
            if condition in ACTIONS:
                scores.last_latents[ACTIONS[condition]].append(latents[:, -1])
        if evaluator.model.spec.camera_scale is not None:
            for condition, actions in camera_conditions(part.actions, shuffled[rows]).items():
                latents = evaluator.generate(part, actions, noise)
                scores.camera_errors[condition].append(evaluator.error(latents, truth.latents))
        actions = with_actions(part.actions, random[rows])
        latents = evaluator.generate(part, actions, replace(noise, generators=(own,)))
        scores.last_latents["random"].append(latents[:, -1])
        repeated = part.latents[:, context - 1 : context].expand_as(truth.latents)
        frames = pixels[:, context - 1 : context].expand_as(truth.frames)
        scores.add("repeat_last", truth, repeated, frames)
        scores.true_features.append(evaluator.metrics.features(truth.frames))
    return scores.evaluation()


def _cat(batches: Batches) -> dict[str, Tensor]:
    return {name: torch.cat(tensors) for name, tensors in batches.items()}
