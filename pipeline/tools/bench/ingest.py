"""Time ingest, once a frame, and the reference's loader, once a clip at every training step."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from rich.table import Table

from pipeline.compute.shared import Shared
from pipeline.episodes.episode import Episode
from pipeline.errors import DataError
from pipeline.formats import Source
from pipeline.ingest import Options
from pipeline.ingest.pack import Shape, Task, pack
from pipeline.tools.bench import reference_loader
from pipeline.tools.bench.reference_loader import Frames
from pipeline.tools.bench.timing import TimeStats, Timing, interleaved
from pipeline.tools.machine import Machine, describe

STARTS = 8
"""Clips an episode, evenly spaced."""

Clip = tuple[Frames, list[int]]


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of one frame or clip, from the median round.

    Attributes:
        cpu_ms: CPU milliseconds each.
        per_second: throughput of one core with no other work and no waiting for the disk.
        seconds: wall time of a round.
    """

    cpu_ms: float
    per_second: float
    seconds: TimeStats


@dataclass(frozen=True, slots=True)
class Ingest:
    """Results of the bench.

    Attributes:
        dataset: a name among `pipeline.formats`.
        interval: frame interval of a clip, in environment steps.
        clip_frames: frames of a clip.
        clips: loaded by the reference's loader in a round.
        codec: of the shards, or `as recorded` for video.
        read: reading a frame from its published file, once.
        ingest: reading, checking and packing a frame into a shard, once.
        reference_clip: loading a clip from the published file, at every training step.
        paid_after: clips a frame after which ingest has cost less CPU time.
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
    """Read, ingest, and load clips of the first episodes of a source, in turn, in one process.

    Raises:
        DataError: an episode is shorter than a clip, or in no file that the reference reads.
        AssertionError: the reference's loader and our reader return different frames.
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
        task = Task(Shared(source), indices, "train", tar, Shape.of(first), options)
        works: dict[str, Callable[[], object]] = {
            "read": partial(_read, source, indices),
            "ingest": partial(pack, task),
            "reference": partial(_load, clips),
        }
        timings = interleaved(works, repeats, device)
    ingest, reference = _cost(timings["ingest"], frames), _cost(timings["reference"], len(clips))
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
        ingest=ingest,
        reference_clip=reference,
        paid_after=round(ingest.cpu_ms / reference.cpu_ms, 3),
    )


def table(results: Ingest) -> Table:
    """One row for each kind of work."""
    rendered = Table("work", "CPU ms each", "a second, one core")
    for column in rendered.columns[1:]:
        column.justify = "right"
    for name, cost in (
        ("read a frame, once", results.read),
        ("ingest a frame, once", results.ingest),
        ("reference's loader, a clip, every step", results.reference_clip),
    ):
        rendered.add_row(name, f"{cost.cpu_ms:.2f}", f"{cost.per_second:,.0f}")
    return rendered


def _clips(load: Frames, episode: Episode, length: int, interval: int) -> list[Clip]:
    """Clips of one episode, whose frames are compared with those of our reader."""
    last = len(episode) - length * interval  # the last step's actions belong to a clip
    if last < 0:
        raise DataError(
            f"episode {episode.key}: its {len(episode)} frames hold no clip of --frames = "
            f"{length} at frame interval {interval}; lower --frames"
        )
    starts = np.unique(np.linspace(0, last, STARTS).astype(int)).tolist()
    steps_of_clips = [[start + interval * step for step in range(length)] for start in starts]
    for steps in steps_of_clips:
        decoded = load(steps).permute(0, 2, 3, 1).numpy()
        assert np.array_equal(decoded, episode.frames[steps]), f"{episode.key}: frames {steps}"
    return [(load, steps) for steps in steps_of_clips]


def _read(source: Source, indices: Sequence[int]) -> None:
    for index in indices:
        source[index]


def _load(clips: Sequence[Clip]) -> None:
    for load, steps in clips:
        reference_loader.clip(load, steps)


def _cost(timing: Timing, count: int) -> Cost:
    each = median(timing.cpu) / count
    return Cost(round(1e3 * each, 3), round(1 / each, 1), TimeStats.of(timing.wall))
