"""Generate the fixed clips, score every generated frame, and score what a model must beat."""

from collections import defaultdict
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from pipeline import stage
from pipeline.encoders import Draws
from pipeline.evaluate.actions import ENDS, random_like
from pipeline.evaluate.clips import Clips
from pipeline.evaluate.generate import Evaluator
from pipeline.metrics.frames import fids

COMPARED = ("model", "repeat_last", "shuffled_actions", "zero_actions")
Parts = defaultdict[str, list[Tensor]]
"""Tensors by name, one for each batch of clips."""


def _parts() -> Parts:
    return defaultdict(list)


@dataclass(frozen=True, slots=True)
class Scores:
    """Of the model, or of a baseline.

    Attributes:
        by_frame: each metric of each generated frame, [B, F].
        features: of all generated frames, [B F, D]; see `FrameMetrics.seen`.
    """

    by_frame: dict[str, Tensor]
    features: Tensor


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of the clips.

    Attributes:
        scores: of the model and of each baseline.
        truth: features of the true frames, [B F, D].
        ends: last generated latents [B, C, h, w], under `true`, `zero` and `random` actions.
    """

    scores: dict[str, Scores]
    truth: Tensor
    ends: dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Tally:
    """Gathers an evaluation, batch by batch."""

    judge: Evaluator
    by_frame: defaultdict[str, Parts] = field(default_factory=lambda: defaultdict(_parts))
    features: Parts = field(default_factory=_parts)
    truth: list[Tensor] = field(default_factory=list)
    ends: Parts = field(default_factory=_parts)

    def add(self, name: str, clips: Clips, latents: Tensor, frames: Tensor) -> None:
        """Score latents [B, F, C, h, w] and frames [B, F, 3, H, W] beside those of the clips.

        Frames are held against the recorded ones, latents against their posterior means.
        """
        new = latents.shape[1]
        error = self.judge.error(latents, clips.latents[:, -new:])
        found = self.judge.metrics.of(frames, clips.frames[:, -new:])
        for metric, values in {"latent_mse": error, **found}.items():
            self.by_frame[name][metric].append(values)
        self.features[name].append(self.judge.metrics.seen(frames))

    def joined(self) -> Evaluation:
        """All batches as one."""
        scores = {
            name: Scores(_joined(metrics), torch.cat(self.features[name]))
            for name, metrics in self.by_frame.items()
        }
        return Evaluation(scores, torch.cat(self.truth), _joined(self.ends))


def evaluate(judge: Evaluator, clips: Clips, batch: int, generator: torch.Generator) -> Evaluation:
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
    tally = Tally(judge)
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
            tally.add(name, part, latents, judge.decode(latents))
            if name in ENDS:
                tally.ends[ENDS[name]].append(latents[:, -1])
        latents = judge.generate(part, random[rows], replace(drawn, generator=own))
        tally.ends["random"].append(latents[:, -1])
        repeated = part.latents[:, given - 1 : given].expand_as(part.latents[:, given:])
        frames = part.frames[:, given - 1 : given].expand_as(part.frames[:, given:])
        tally.add("repeat_last", part, repeated, frames)
        tally.truth.append(judge.metrics.seen(part.frames[:, given:]))
    return tally.joined()


def summary(found: Evaluation, decoder: Draws) -> dict[str, object]:
    """metrics/evaluate.json: the mean over clips of every metric, per generated frame.

    An FID is of all generated frames together, clips times frames of them.
    """
    count, frames = found.scores["model"].by_frame["psnr"].shape
    fid = fids({name: scores.features for name, scores in found.scores.items()}, found.truth)
    named: dict[str, dict[str, object]] = {
        name: {
            metric: values.double().mean(0).tolist()
            for metric, values in found.scores[name].by_frame.items()
        }
        for name in COMPARED
    }
    for name, distance in fid.items():
        named[name]["fid"] = distance
    return {"clips": count, "frames": frames, "decoder": decoder, **named}


def _joined(parts: Parts) -> dict[str, Tensor]:
    return {name: torch.cat(tensors) for name, tensors in parts.items()}
