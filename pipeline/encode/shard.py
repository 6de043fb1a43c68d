"""Encodes one shard of latents: the unit of parallel work and of resuming."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline import encoders, stage
from pipeline.compute import device
from pipeline.compute.compile_mode import Mode
from pipeline.compute.threads import threads
from pipeline.encode.runner import Execution, Runner
from pipeline.encoders import Encoder
from pipeline.episodes import shards
from pipeline.errors import DataError
from pipeline.files.json_model import read_json
from pipeline.latents import writer
from pipeline.latents.quantize import SCALE, dequantize, max_storable, quantize
from pipeline.latents.shard_layout import Segment
from pipeline.latents.spec import LatentSpec
from pipeline.latents.statistics import LatentStatistics, ShardSums

MARKS = ".encoded"
"""Folder in an unsealed store with a file of statistics for every finished shard."""
Rows = NDArray[np.uint8] | NDArray[np.float32]
"""Frames [N, H, W, 3] or states [N, S]."""


@dataclass(frozen=True, slots=True)
class Saved:
    """Loads the encoder of a codec folder; can be pickled."""

    codec: Path

    def __call__(self) -> Encoder:
        """The encoder, on the CPU."""
        return encoders.load(self.codec)[1]


@dataclass(frozen=True, slots=True)
class Source:
    """Shards and the encoder for them; `make` is pickled, the encoder is not."""

    folder: Path
    make: Callable[[], Encoder]
    encoder_name: str
    codec_digest: str


@dataclass(frozen=True, slots=True)
class Task:
    """Segments of episodes that fill the rows of a store from `start` on.

    The first `train` rows, which may be none or more than all, are of the train split.
    """

    source: Source
    spec: LatentSpec
    compile: Mode | None
    batch: int
    out: Path
    number: int
    start: int
    train: int
    segments: list[Segment]

    @property
    def execution(self) -> Execution:
        """Precision and compilation, as the first process resolved them."""
        return Execution(self.spec.precision, self.compile)

    @property
    def mark(self) -> Path:
        """File with the statistics of the shard, written after it."""
        return self.out / MARKS / f"{self.number:06d}.json"


def encode_shard(task: Task) -> None:
    """Encode the rows of a task, write each array's file, and then the mark.

    Raises:
        DataError: a latent is too large to be stored.
    """
    statistics, done = LatentStatistics(task.spec.latent_shape[0]), 0
    parts: list[dict[str, NDArray[Any]]] = []
    with threads(1):
        runner = load_runner(task.source, device.of_process(), task.execution)
        for posterior in runner.run(_batches(task, runner.encoder)):
            _check(posterior.mean, task, done)
            part = quantize("mean", posterior.mean, task.spec.storage)
            mean, std = dequantize(part["mean"], part.get(f"mean{SCALE}")), None
            if posterior.std is not None:
                part |= quantize("std", posterior.std, task.spec.storage)
                std = dequantize(part["std"], part.get(f"std{SCALE}"))
            statistics.compare(mean, posterior.mean)
            if train := max(0, min(task.train - done, len(mean))):
                statistics.add(mean[:train], None if std is None else std[:train])
            parts.append(part)
            done += len(mean)
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    writer.write_rows(task.out, task.start, rows)
    stage.write_json(task.mark, statistics.sums().model_dump())


def finished(task: Task) -> ShardSums | None:
    """The statistics of a shard that an earlier run has finished; None if it is to be encoded.

    So is one whose mark is damaged, which a run that was killed by a power cut may leave.
    """
    try:
        sums = read_json(task.mark, ShardSums, "encode the shard again")
    except DataError:
        return None
    return sums if sums.fit(task.spec.latent_shape[0]) else None


@lru_cache(maxsize=1)
def load_runner(source: Source, where: torch.device, execution: Execution) -> Runner:
    """The encoder on a device; loaded once per process."""
    return Runner(source.make(), where, execution)


def _batches(task: Task, encoder: Encoder) -> Iterator[Tensor]:
    """What an encoder takes of the frames of a task: as it sees them [B, 3, H, W], or states."""
    if encoder.takes == "states":
        return map(torch.from_numpy, _in_batches(task, _states(task)))
    return map(task.spec.view.apply, _in_batches(task, _frames(task)))


def _frames(task: Task) -> Iterator[tuple[str, Rows]]:
    """The recorded frames of each episode of a task [T, H, W, 3], with its key."""
    keys = [segment.key for segment in task.segments]
    for episode in shards.select(task.source.folder, keys):
        yield episode.key, episode.frames


def _states(task: Task) -> Iterator[tuple[str, Rows]]:
    """The states of each episode of a task [T, S], with its key; no frame is decoded."""
    keys = {segment.key for segment in task.segments}
    for table in shards.tables(task.source.folder, keys):
        yield table.key, table.states


def _in_batches(task: Task, episodes: Iterator[tuple[str, Rows]]) -> Iterator[Any]:
    """The rows of a task, across episodes; the last batch may be of fewer."""
    segments = {segment.key: segment for segment in task.segments}
    rest: list[Rows] = []
    for key, recorded in episodes:
        segment, stride = segments[key], task.spec.stride
        rows = recorded[segment.first * stride :: stride][: segment.count]
        waiting = np.concatenate([*rest, rows])
        full = len(waiting) // task.batch * task.batch
        for first in range(0, full, task.batch):
            yield waiting[first : first + task.batch]
        rest = [waiting[full:]]
    if len(rest[0]):
        yield rest[0]


def _check(mean: Tensor, task: Task, done: int) -> None:
    """Refuse latents [B, C, h, w] that are NaN, or too large to be stored."""
    absmax = mean.abs().amax((1, 2, 3)).numpy()
    for row in np.flatnonzero(~(absmax <= max_storable(task.spec.storage)))[:1]:
        ends = np.cumsum([segment.count for segment in task.segments])
        key = task.segments[int(np.searchsorted(ends, done + row, "right"))].key
        raise DataError(
            f"episode {key}: its latents reach {absmax[row]:.3g}, beyond the range of "
            f"{task.spec.storage}; scale them down in the encoder"
        )
