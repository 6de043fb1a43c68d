"""One shard of latents: the part that runs in parallel, and what a killed run need not repeat."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from pipeline.compute import parallel as cluster
from pipeline.compute.compile_mode import Mode
from pipeline.encode.runner import Execution, Runner
from pipeline.encoders import Encoder
from pipeline.episodes import shards
from pipeline.errors import DataError
from pipeline.latents import writer as store
from pipeline.latents.quantize import SCALE, largest, packed, unpacked
from pipeline.latents.shard_layout import Segment
from pipeline.latents.spec import LatentSpec
from pipeline.latents.statistics import LatentStatistics

MARKS = ".encoded"
Frames = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Saved:
    """Makes the encoder that `fit` wrote into a folder."""

    codec: Path

    def __call__(self) -> Encoder:
        """Load it."""
        return encoders.load(self.codec)[1]


@dataclass(frozen=True, slots=True)
class Source:
    """What is encoded with what; `make` is pickled, the encoder is not."""

    folder: Path
    make: Callable[[], Encoder]
    encoder_name: str
    codec_digest: str


@dataclass(frozen=True, slots=True)
class Task:
    """The pieces of episodes that fill rows start.. of a store, of which `train` train."""

    source: Source
    spec: LatentSpec
    compile: Mode | None
    batch: int
    out: Path
    number: int
    start: int
    train: int
    pieces: list[Segment]

    @property
    def execution(self) -> Execution:
        """As the first process has chosen, whatever the device of this one."""
        return Execution(self.spec.precision, self.compile)

    @property
    def mark(self) -> Path:
        """Stands in the store once the shard does, with its statistics."""
        return self.out / MARKS / f"{self.number:06d}.json"


def encode_shard(task: Task) -> None:
    """Encode the rows of a task, write each array's file, and then the mark.

    Raises:
        DataError: a latent is too large to be stored.
    """
    tally, done = LatentStatistics(task.spec.latent_shape[0]), 0
    parts: list[dict[str, NDArray[Any]]] = []
    with one_thread():
        runner = opened(task.source, own_device(), task.execution)
        for raw in runner.run(map(task.spec.view.apply, _batches(task))):
            _check(raw.mean, task, done)
            part = packed("mean", raw.mean, task.spec.storage)
            stored, spread = unpacked(part["mean"], part.get(f"mean{SCALE}")), None
            if raw.std is not None:
                part |= packed("std", raw.std, task.spec.storage)
                spread = unpacked(part["std"], part.get(f"std{SCALE}"))
            tally.compare(stored, raw.mean)
            if train := max(0, min(task.train - done, len(stored))):
                tally.add(stored[:train], None if spread is None else spread[:train])
            parts.append(part)
            done += len(stored)
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    store.put(task.out, task.start, rows)
    stage.write_json(task.mark, tally.as_json())


def own_device() -> torch.device:
    """The device of this process, for all its tasks: encoders take long to open and to compile."""
    devices = device.every()
    return devices[cluster.worker() % len(devices)]


@lru_cache(maxsize=1)
def opened(source: Source, where: torch.device, execution: Execution) -> Runner:
    """The encoder on a device; made once a process."""
    return Runner(source.make(), where, execution)


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums are split among threads: with one, the latents do not depend on the machine's cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _batches(task: Task) -> Iterator[Frames]:
    """The recorded frames of a task [B, H, W, 3], across episodes; the last may be fewer."""
    pieces = {piece.key: piece for piece in task.pieces}
    held: list[Frames] = []
    for episode in shards.select(task.source.folder, list(pieces)):
        piece, stride = pieces[episode.key], task.spec.stride
        frames = episode.frames[piece.first * stride :: stride][: piece.count]
        waiting = np.concatenate([*held, frames])
        whole = len(waiting) // task.batch * task.batch
        for first in range(0, whole, task.batch):
            yield waiting[first : first + task.batch]
        held = [waiting[whole:]]
    if len(held[0]):
        yield held[0]


def _check(mean: Tensor, task: Task, done: int) -> None:
    """Refuse latents [B, C, h, w] that storing would turn into infinities; NaN likewise."""
    reached = mean.abs().amax((1, 2, 3)).numpy()
    for row in np.flatnonzero(~(reached <= largest(task.spec.storage)))[:1]:
        ends = np.cumsum([piece.count for piece in task.pieces])
        key = task.pieces[int(np.searchsorted(ends, done + row, "right"))].key
        raise DataError(
            f"episode {key}: its latents reach {reached[row]:.3g}, beyond the range of "
            f"{task.spec.storage}; scale them down in the encoder"
        )
