"""Time the formats of frames in shards: write speed, read speed and size."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import get_args

import numpy as np
import torch
from rich.table import Table

from pipeline.episodes.episode import Episode
from pipeline.episodes.frame_formats import Codec, pack, unpack
from pipeline.formats import Source
from pipeline.tools.bench.timing import TimeStats, Timing, interleaved
from pipeline.tools.machine import Machine, describe

RECORDED = "as recorded"


@dataclass(frozen=True, slots=True)
class Row:
    """Results of one format.

    Attributes:
        bytes_per_frame: stored, mean over episodes.
        share: stored bytes over bytes of pixels.
        write: MB (10^6 bytes) of pixels a second when packing, from the median round.
        read: MB of pixels a second when unpacking.
        write_seconds: a round.
        read_seconds: a round.
    """

    bytes_per_frame: int
    share: float
    write: float
    read: float
    write_seconds: TimeStats
    read_seconds: TimeStats


@dataclass(frozen=True, slots=True)
class Formats:
    """Results of the bench, by format."""

    dataset: str
    episodes: int
    frames: int
    frame_shape: tuple[int, ...]
    machine: Machine
    formats: dict[str, Row]


def run(source: Source, dataset: str, episodes: int, repeats: int) -> Formats:
    """Pack and unpack the first episodes of a source in every format, in turn.

    Raises:
        AssertionError: a format does not return the same frames.
    """
    device = torch.device("cpu")
    selected = [source[index] for index in range(min(episodes, len(source)))]
    stored = {name: [_pack(e, name) for e in selected] for name in _names(selected)}
    for name, contents in stored.items():
        for episode, (member, content) in zip(selected, contents, strict=True):
            unpacked = unpack(member, content, len(episode), name, "run it again")
            assert np.array_equal(unpacked, episode.frames), name
    writes: dict[str, Callable[[], object]] = {
        name: partial(_pack_all, selected, name) for name in stored
    }
    reads: dict[str, Callable[[], object]] = {
        name: partial(_unpack_all, selected, name, contents) for name, contents in stored.items()
    }
    writing, reading = (interleaved(work, repeats, device) for work in (writes, reads))
    frames = sum(map(len, selected))
    rows = {
        name: _row(
            sum(len(content) for _, content in contents),
            sum(episode.frames.nbytes for episode in selected),
            frames,
            writing[name],
            reading[name],
        )
        for name, contents in stored.items()
    }
    shape = selected[0].frames.shape[1:]
    return Formats(dataset, len(selected), frames, shape, describe(device), rows)


def table(results: Formats) -> Table:
    """One row a format."""
    rendered = Table("format", "bytes a frame", "of the pixels", "write MB/s", "read MB/s")
    for column in rendered.columns[1:]:
        column.justify = "right"
    for name, row in results.formats.items():
        rendered.add_row(
            name,
            f"{row.bytes_per_frame:,}",
            f"{row.share:.1%}",
            f"{row.write:,.0f}",
            f"{row.read:,.0f}",
        )
    return rendered


def _names(episodes: Sequence[Episode]) -> list[str]:
    is_video = all(episode.video is not None for episode in episodes)
    return [*get_args(Codec), *([RECORDED] if is_video else [])]


def _pack(episode: Episode, name: str) -> tuple[str, bytes]:
    if name == RECORDED:
        return pack(episode, "raw")
    bare = Episode(episode.key, episode.frames, episode.actions, episode.states, episode.meta)
    codec: Codec = next(codec for codec in get_args(Codec) if codec == name)
    return pack(bare, codec)


def _pack_all(episodes: Sequence[Episode], name: str) -> None:
    for episode in episodes:
        _pack(episode, name)


def _unpack_all(
    episodes: Sequence[Episode], name: str, contents: Sequence[tuple[str, bytes]]
) -> None:
    for episode, (member, content) in zip(episodes, contents, strict=True):
        unpack(member, content, len(episode), name, "run it again")


def _row(stored: int, pixels: int, frames: int, writing: Timing, reading: Timing) -> Row:
    write, read = TimeStats.of(writing.wall), TimeStats.of(reading.wall)
    return Row(
        stored // frames,
        round(stored / pixels, 4),
        round(pixels / 1e6 / write.median, 1),
        round(pixels / 1e6 / read.median, 1),
        write,
        read,
    )
