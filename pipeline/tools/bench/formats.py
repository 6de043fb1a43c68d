"""Timing how frames are stored in shards: speed both ways and size, on episodes of a data set."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import get_args

import numpy as np
import torch
from rich.table import Table

from pipeline.datasets import Source
from pipeline.episodes.episode import Episode
from pipeline.episodes.frame_formats import Codec, pack, unpack
from pipeline.tools.bench.timing import Spread, Timing, interleaved
from pipeline.tools.machine import Machine, describe

RECORDED = "as recorded"


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of one format.

    Attributes:
        bytes_per_frame: mean over episodes, stored.
        share: of the bytes of the pixels.
        write: megabytes (10^6) of pixels a second into the format, by the median round.
        read: the same out of it.
        write_seconds: of a round.
        read_seconds: of a round.
    """

    bytes_per_frame: int
    share: float
    write: float
    read: float
    write_seconds: Spread
    read_seconds: Spread


@dataclass(frozen=True, slots=True)
class Formats:
    """What was timed, where, and what came out."""

    dataset: str
    episodes: int
    frames: int
    frame_shape: tuple[int, ...]
    machine: Machine
    formats: dict[str, Row]


def run(source: Source, dataset: str, episodes: int, repeats: int) -> Formats:
    """Pack and unpack the first episodes of a source in every format, by turns.

    Raises:
        AssertionError: a format does not give back the frames.
    """
    device = torch.device("cpu")
    chosen = [source[index] for index in range(min(episodes, len(source)))]
    stored = {name: [_pack(e, name) for e in chosen] for name in _names(chosen)}
    for name, contents in stored.items():
        for episode, (member, content) in zip(chosen, contents, strict=True):
            found = unpack(member, content, len(episode), name)
            assert np.array_equal(found, episode.frames), name
    writes: dict[str, Callable[[], object]] = {
        name: partial(_all_packed, chosen, name) for name in stored
    }
    reads: dict[str, Callable[[], object]] = {
        name: partial(_all_unpacked, chosen, name, contents) for name, contents in stored.items()
    }
    writing, reading = (interleaved(work, repeats, device) for work in (writes, reads))
    frames = sum(map(len, chosen))
    rows = {
        name: _row(
            sum(len(content) for _, content in contents),
            sum(episode.frames.nbytes for episode in chosen),
            frames,
            writing[name],
            reading[name],
        )
        for name, contents in stored.items()
    }
    shape = chosen[0].frames.shape[1:]
    return Formats(dataset, len(chosen), frames, shape, describe(device), rows)


def table(results: Formats) -> Table:
    """One line a format."""
    shown = Table("format", "bytes a frame", "of the pixels", "write MB/s", "read MB/s")
    for column in shown.columns[1:]:
        column.justify = "right"
    for name, row in results.formats.items():
        shown.add_row(
            name,
            f"{row.bytes_per_frame:,}",
            f"{row.share:.1%}",
            f"{row.write:,.0f}",
            f"{row.read:,.0f}",
        )
    return shown


def _names(episodes: Sequence[Episode]) -> list[str]:
    filmed = all(episode.video is not None for episode in episodes)
    return [*get_args(Codec), *([RECORDED] if filmed else [])]


def _pack(episode: Episode, name: str) -> tuple[str, bytes]:
    if name == RECORDED:
        return pack(episode, "raw")
    bare = Episode(episode.key, episode.frames, episode.actions, episode.states, episode.meta)
    codec: Codec = next(codec for codec in get_args(Codec) if codec == name)
    return pack(bare, codec)


def _all_packed(episodes: Sequence[Episode], name: str) -> None:
    for episode in episodes:
        _pack(episode, name)


def _all_unpacked(
    episodes: Sequence[Episode], name: str, contents: Sequence[tuple[str, bytes]]
) -> None:
    for episode, (member, content) in zip(episodes, contents, strict=True):
        unpack(member, content, len(episode), name)


def _row(stored: int, pixels: int, frames: int, writing: Timing, reading: Timing) -> Row:
    write, read = Spread.of(writing.wall), Spread.of(reading.wall)
    return Row(
        stored // frames,
        round(stored / pixels, 4),
        round(pixels / 1e6 / write.median, 1),
        round(pixels / 1e6 / read.median, 1),
        write,
        read,
    )
