"""How far rollouts stay true: scores of every generated frame, beside repeating the last given."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline import stage
from pipeline.latents.spec import LatentSpec
from pipeline.metrics.bootstrap import mean_intervals
from pipeline.metrics.frames import FrameMetrics
from pipeline.metrics.schema.rollout import Curve, RolloutScores
from pipeline.rollout.clips import Clip, Frame, Load
from pipeline.rollout.files import Form, Shown, writers
from pipeline.rollout.generate import Generator
from pipeline.rollout.run import steps_of

Scores = dict[str, Tensor]
"""Scores [N, F] of N clips by generated frame, by name."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """What frames are scored by.

    Attributes:
        generator: of the frames; its codec encodes the true ones.
        metrics: of frames.
        spec: of the cache; errors are in units of its whitened latents, however the model whitens.
    """

    generator: Generator
    metrics: FrameMetrics
    spec: LatentSpec

    def of(self, latents: Tensor, frames: Tensor, true_latents: Tensor, truth: Tensor) -> Scores:
        """Scores [B] of latents [B, C, h, w] and frames float32 [B, 3, H, W] in 0..1."""
        model = self.generator.model.spec
        error = model.squared_error(latents.cpu(), true_latents, self.spec)
        scores = self.metrics.scores(frames[:, None], truth[:, None])
        return {"latent_mse": error, **{name: values[:, 0] for name, values in scores.items()}}


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of the model, and of repeating the last frame that was given."""

    model: Scores
    repeat_last: Scores


def score(scorer: Scorer, loads: Sequence[Load], batch: int) -> Scored:
    """Score clips whose truth is known; nothing is written."""
    return score_and_write(scorer, loads, batch, None, 0)


def score_and_write(
    scorer: Scorer, loads: Sequence[Load], batch: int, out: tuple[Path, Form] | None, videos: int
) -> Scored:
    """Score clips whose truth is known, and write the files of the first ones.

    Args:
        scorer: with the generator.
        loads: make the clips.
        batch: clips that are generated together.
        out: folder to write into, and in which form.
        videos: clips that are written.
    """
    model, repeated = list[Scores](), list[Scores]()
    for begin in stage.track(range(0, len(loads), batch), "rollout"):
        clips = [load() for load in loads[begin : begin + batch]]
        ours, theirs = _batch(scorer, clips, out, max(0, videos - begin))
        model.append(ours)
        repeated.append(theirs)
    return Scored(_joined(model), _joined(repeated))


def _batch(
    scorer: Scorer, clips: Sequence[Clip], out: tuple[Path, Form] | None, videos: int
) -> tuple[Scores, Scores]:
    """Scores [B, F] of one batch, of the model and of the last given frame."""
    generator = scorer.generator
    view = generator.model.spec.view
    last = view.to_float(_tensor([clip.history[-1] for clip in clips]))
    last_latents = generator.history(clips)[:, -1].cpu()
    ours, theirs = list[Scores](), list[Scores]()
    folder, form = out if out else (Path(), Form(fps=1, native=False, videos=False, images=False))
    shown = [clip for clip in clips if out][:videos]
    with writers(folder, shown, form) as files:
        looks = Shown(view, (view.height, view.width))
        for step in steps_of(generator, clips, looks, len(shown)):
            for file, frame, truth in zip(files, step.generated, step.truth, strict=False):
                file.write(frame, truth)
            if step.latents is not None:
                true_latents = generator.encode(_tensor(step.truth), step.states)
                true = view.to_float(_tensor(step.recorded))
                frames = generator.decode_float(step.latents)
                ours.append(scorer.of(step.latents, frames, true_latents, true))
                theirs.append(scorer.of(last_latents, last, true_latents, true))
    return _over_frames(ours), _over_frames(theirs)


def curves(scores: Scores) -> RolloutScores:
    """Means over clips with their 95 % intervals, by generated frame."""
    found = {}
    for name, values in scores.items():
        ends = mean_intervals(values)  # [2, F]
        mean = values.double().mean(0).tolist()
        found[name] = Curve(mean=mean, interval=[(a, b) for a, b in ends.T.tolist()])
    return RolloutScores.model_validate(found)


def _tensor(frames: Sequence[Frame | None]) -> Tensor:
    """Frames [H, W, 3] as uint8 [B, 3, H, W]."""
    known = [frame for frame in frames if frame is not None]
    assert len(known) == len(frames), "a clip without truth cannot be scored"
    return torch.from_numpy(np.stack(known)).permute(0, 3, 1, 2)


def _over_frames(scores: Sequence[Scores]) -> Scores:
    return {name: torch.stack([one[name] for one in scores], 1) for name in scores[0]}


def _joined(batches: Sequence[Scores]) -> Scores:
    joined = defaultdict[str, list[Tensor]](list)
    for one in batches:
        for name, values in one.items():
            joined[name].append(values)
    return {name: torch.cat(values) for name, values in joined.items()}
