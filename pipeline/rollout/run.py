"""Roll out clips, batch by batch and frame by frame, into a folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline import stage
from pipeline.rollout.card import ClipCard
from pipeline.rollout.clips import Clip, Frame, Load
from pipeline.rollout.files import Form, Shown, name_of, writers
from pipeline.rollout.generate import Generator


@dataclass(frozen=True, slots=True)
class Written:
    """What rollout.json says of the clips.

    Attributes:
        clips: one by one.
        history: frames that each was given.
        frames: frames that were generated of each.
        size: height and width of the frames that were written.
        recorded: height and width of the recorded frames.
    """

    clips: list[ClipCard]
    history: int
    frames: int
    size: tuple[int, int]
    recorded: tuple[int, int]


def roll_out(
    generator: Generator, loads: Sequence[Load], batch: int, form: Form, folder: Path
) -> Written:
    """Write the files of every clip but rollout.json.

    Args:
        generator: of the frames.
        loads: make the clips.
        batch: clips that are generated together; others are not in memory.
        form: what is written.
        folder: to write into.

    Raises:
        DataError: a side of the frames is odd, or the model gives NaN.
    """
    cards, view = list[ClipCard](), generator.model.spec.view
    for begin in stage.track(range(0, len(loads), batch), "rollout"):
        clips = [load() for load in loads[begin : begin + batch]]
        recorded: tuple[int, int] = clips[0].history.shape[1:3]
        size = recorded if form.native else (view.height, view.width)
        form.check(size)
        with writers(folder, clips, form) as files:
            for step in steps_of(generator, clips, Shown(view, size), len(clips)):
                for file, frame, truth in zip(files, step.generated, step.truth, strict=True):
                    file.write(frame, truth)
        cards += [_card(clip) for clip in clips]
    history, actions = len(clips[0].history), len(clips[0].actions)
    return Written(cards, history, actions - history + 1, size, recorded)


@dataclass(frozen=True, slots=True)
class Step:
    """One frame of every clip of a batch.

    Attributes:
        latents: whitened [B, C, h, w]; None of frames that were given.
        generated: frames as they are written, [H, W, 3], of the first clips: those that are.
        truth: the true ones; None where they are not known.
        recorded: the true ones as they were recorded.
        states: of the world at the true ones, [B, S]; None where they are not known of all.
    """

    latents: Tensor | None
    generated: list[Frame]
    truth: list[Frame | None]
    recorded: list[Frame | None]
    states: Tensor | None


def steps_of(
    generator: Generator, clips: Sequence[Clip], shown: Shown, written: int
) -> Iterator[Step]:
    """Every frame of some clips, from the first of the history, as soon as it is generated.

    Of the first `written` clips frames are decoded, too.
    """
    truths = [clip.truth() if clip.truth else iter(()) for clip in clips]

    def step(number: int, latents: Tensor | None, generated: list[Frame]) -> Step:
        recorded = [next(truth, None) for truth in truths]
        truth = [None if frame is None else shown.recorded(frame) for frame in recorded]
        known = [clip.states[number] for clip in clips if clip.states is not None]
        states = torch.from_numpy(np.stack(known)) if len(known) == len(clips) else None
        return Step(latents, generated, truth, recorded, states)

    given = len(clips[0].history)
    for number in range(given):
        yield step(number, None, [shown.recorded(clip.history[number]) for clip in clips[:written]])
    generated = generator.latents(clips, generator.history(clips))
    for number, latents in enumerate(generated, given):
        decoded = generator.decode(latents[:written]) if written else ()
        yield step(number, latents, [shown.generated(frame) for frame in decoded])


def _card(clip: Clip) -> ClipCard:
    return ClipCard(
        name=name_of(clip),
        source=clip.source,
        episode=clip.episode,
        start=clip.start,
        truth=clip.truth is not None,
        states=clip.states is not None,
        meta=dict(clip.meta),
    )
