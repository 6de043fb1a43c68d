"""An episode's rows, checked against the meta files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from pipeline.errors import DataError
from pipeline.formats.lerobot import tables
from pipeline.formats.lerobot.clips import TOLERANCE
from pipeline.formats.lerobot.entries import Entry
from pipeline.formats.lerobot.info import BLOCK, FETCH
from pipeline.formats.lerobot.locate import Folder

if TYPE_CHECKING:
    import pyarrow as pa

AlignBy = Literal["timestamp", "frame_index"]
"""The column by which rows find their frames."""


def read(
    folder: Folder, entry: Entry, paths: Sequence[Path], align_by: AlignBy, place: str
) -> "pa.Table":
    """The rows of an episode, in order.

    Raises:
        DataError: a file is damaged, or the rows are not those that the meta files say.
    """
    times = ("timestamp",) if align_by == "timestamp" else ()
    columns = (*folder.actions, *folder.states, *folder.images)
    names = tuple(dict.fromkeys((tables.EPISODE, "frame_index", *times, *columns)))
    if not paths[0].is_file():
        raise DataError(f"{place}: no such file, and no other holds the episode's rows; {FETCH}")
    rows = tables.episode(paths, entry.number, names)
    if len(rows) != entry.length:
        raise DataError(
            f"{place}: has {len(rows)} rows, but its length in meta/ is {entry.length}; fetch both "
            "again"
        )
    numbers = tables.integers(rows, "frame_index", place).to_pylist()
    if numbers != list(range(entry.length)):
        raise DataError(
            f"{place}: frame_index does not count from 0 to {entry.length - 1}; fetch it again"
        )
    if times:
        _check_times(rows, folder.info.fps, place)
    return rows


def _check_times(rows: "pa.Table", fps: float, place: str) -> None:
    """Check that timestamps are 1/fps s apart, from 0 on."""
    seconds = tables.seconds(rows, "timestamp", place)
    off = np.abs(seconds * fps - np.arange(len(seconds)))
    wrong = np.flatnonzero(~(off <= TOLERANCE))  # also refuses NaN
    if len(wrong):
        number = wrong[0]
        raise DataError(
            f"{place}: frame {number} has timestamp {seconds[number]:.6g} s, expected "
            f"{number / fps:.6g} s; correct fps in meta/info.json, or set {BLOCK}.align_by to "
            "frame_index if they are a recorder's clock"
        )
