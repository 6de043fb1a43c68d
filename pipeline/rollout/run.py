"""Roll out clips, batch by batch and frame by frame, into a folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import stage
from pipeline.rollout.card import ClipCard
from pipeline.rollout.clips import Clip, Frame, Load
from pipeline.rollout.files import ClipWriter, Form, Shown, name_of, writers
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
            _stream(generator, clips, files, Shown(view, size))
        cards += [_card(clip) for clip in clips]
    history, actions = len(clips[0].history), len(clips[0].actions)
    return Written(cards, history, actions - history + 1, size, recorded)


def _stream(
    generator: Generator,
    clips: Sequence[Clip],
    files: Sequence[ClipWriter],
    shown: Shown,
) -> None:
    """Write every frame of some clips as soon as it is generated."""
    truths = [clip.truth() if clip.truth else None for clip in clips]
    for step in range(len(clips[0].history)):
        for clip, file, truth in zip(clips, files, truths, strict=True):
            given = shown.recorded(clip.history[step])
            file.write(given, _next(truth, shown))
    for latents in generator.latents(clips, generator.history(clips)):
        for frame, file, truth in zip(generator.decode(latents), files, truths, strict=True):
            file.write(shown.generated(frame), _next(truth, shown))


def _next(truth: Iterator[Frame] | None, shown: Shown) -> Frame | None:
    """The next true frame; None where none is known, or none any more."""
    frame = None if truth is None else next(truth, None)
    return None if frame is None else shown.recorded(frame)


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
