"""Timing what ingest costs a source once, next to what the published loader costs at every step."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from rich.table import Table

from pipeline.datasets import Source
from pipeline.episodes.episode import Episode
from pipeline.errors import DataError
from pipeline.ingest import Options
from pipeline.ingest.pack import Shape, Task, pack
from pipeline.tools.bench import reference_loader
from pipeline.tools.bench.reference_loader import Frames
from pipeline.tools.bench.timing import Spread, Timing, interleaved
from pipeline.tools.machine import Machine, describe

STARTS = 8  # clips of an episode, spread evenly over it

Clip = tuple[Frames, list[int]]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one frame or clip costs, by the median round.

    Attributes:
        cpu_ms: milliseconds of CPU for each.
        per_second: how many one core does a second, if it has no other work and waits for no disk.
        seconds: of a round, by the clock.
    """

    cpu_ms: float
    per_second: float
    seconds: Spread


@dataclass(frozen=True, slots=True)
class Ingest:
    """What was timed, where, and what came out.

    Attributes:
        dataset: a name among `pipeline.datasets`.
        interval: steps from one frame of a clip to the next.
        clip_frames: frames of a clip.
        clips: that the reference's loader hands out in a round.
        codec: of shards, for frames that were not recorded as video.
        read: a frame out of its published file, once.
        ingest: the same frame, checked and written to a shard.
        reference_clip: a clip out of the published file, at every training step.
        paid_after: clips for each recorded frame, after which ingest has cost less.
    """

    dataset: str
    episodes: int
    frames: int
    frame_shape: tuple[int, ...]
    interval: int
    clip_frames: int
    clips: int
    codec: str
    machine: Machine
    read: Cost
    ingest: Cost
    reference_clip: Cost
    paid_after: float


def run(
    source: Source,
    dataset: str,
    raw: Path,
    interval: int,
    options: Options,
    *,
    episodes: int,
    clip_frames: int,
    repeats: int,
) -> Ingest:
    """Read, ingest, and load clips of the first episodes of a source, by turns, in one process.

    Raises:
        DataError: an episode is shorter than a clip, or not of a layout that the reference reads.
        AssertionError: the reference's frames are not those that our reader gives.
    """
    indices = list(range(min(episodes, len(source))))
    clips: list[Clip] = []
    for index in indices:
        episode = source[index]
        load = reference_loader.frames_of(source, dataset, raw, index, episode)
        clips += _clips(load, episode, clip_frames, interval)
    first, device = source[0], torch.device("cpu")
    frames = sum(len(source[index]) for index in indices)
    with tempfile.TemporaryDirectory() as folder:
        tar = Path(folder) / "train-000000.tar"
        task = Task(source, indices, "train", tar, Shape.of(first), options)
        works: dict[str, Callable[[], object]] = {
            "read": partial(_read, source, indices),
            "ingest": partial(pack, task),
            "reference": partial(_load, clips),
        }
        timings = interleaved(works, repeats, device)
    once, again = _cost(timings["ingest"], frames), _cost(timings["reference"], len(clips))
    return Ingest(
        dataset=dataset,
        episodes=len(indices),
        frames=frames,
        frame_shape=first.frames.shape[1:],
        interval=interval,
        clip_frames=clip_frames,
        clips=len(clips),
        codec="as recorded" if first.video is not None else options.codec,
        machine=describe(device),
        read=_cost(timings["read"], frames),
        ingest=once,
        reference_clip=again,
        paid_after=round(once.cpu_ms / again.cpu_ms, 3),
    )


def table(results: Ingest) -> Table:
    """One line for each kind of work."""
    shown = Table("work", "CPU ms each", "a second, one core")
    for column in shown.columns[1:]:
        column.justify = "right"
    for name, cost in (
        ("frame read", results.read),
        ("frame ingested, once", results.ingest),
        ("reference's clip, every step", results.reference_clip),
    ):
        shown.add_row(name, f"{cost.cpu_ms:.2f}", f"{cost.per_second:,.0f}")
    return shown


def _clips(load: Frames, episode: Episode, length: int, interval: int) -> list[Clip]:
    """Clips of one episode; the frames of each are compared with our reader's here."""
    last = len(episode) - length * interval  # the last step's actions belong to a clip
    if last < 0:
        raise DataError(
            f"episode {episode.key}: its {len(episode)} frames hold no clip of --frames = "
            f"{length}, one in {interval}; lower it"
        )
    starts = np.unique(np.linspace(0, last, STARTS).astype(int)).tolist()
    wanted = [[start + interval * step for step in range(length)] for start in starts]
    for steps in wanted:
        found = load(steps).permute(0, 2, 3, 1).numpy()
        assert np.array_equal(found, episode.frames[steps]), f"{episode.key}: frames {steps}"
    return [(load, steps) for steps in wanted]


def _read(source: Source, indices: Sequence[int]) -> None:
    for index in indices:
        source[index]


def _load(clips: Sequence[Clip]) -> None:
    for load, steps in clips:
        reference_loader.clip(load, steps)


def _cost(timing: Timing, count: int) -> Cost:
    each = median(timing.cpu) / count
    return Cost(round(1e3 * each, 3), round(1 / each, 1), Spread.of(timing.wall))
