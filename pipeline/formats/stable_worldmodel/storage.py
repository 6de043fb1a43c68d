"""What all the ways have in common in which stable-worldmodel stores a set."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import DataError, did_you_mean

FETCH = "fetch it again"
LONGEST = 2**40
"""Rows of the longest column."""
LENGTHS, OFFSETS = "ep_len", "ep_offset"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: one row a step.

    Attributes:
        name: of the column.
        dtype: of its values, in words.
        shape: of a row.
        is_frames: whether a row is a frame.
        is_numbers: whether a row holds numbers.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    is_frames: bool
    is_numbers: bool

    def __str__(self) -> str:
        """As `wm inspect` prints it."""
        return f"{self.name} {self.dtype}{list(self.shape) if self.shape else ''}"


class Storage(Protocol):
    """An opened set; it is pickled without open files."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Steps T of each episode, [N]."""

    def columns(self) -> list[Column]:
        """What the set has but for the lists of episodes; what cannot be read may be left out."""

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            DataError: there is none, or it cannot be read.
        """

    def place(self, name: str, index: int) -> str:
        """What errors call a column of an episode."""

    def frames(self, name: str, index: int) -> tuple[NDArray[np.uint8], bytes | None]:
        """The frames of an episode, uint8 [T, H, W, 3], and the video that they were read from.

        Raises:
            DataError: they are missing, damaged, or no frames.
        """

    def numbers(self, name: str, index: int) -> NDArray[Any]:
        """The rows of an episode, [T, dim].

        Raises:
            DataError: there is no such column, or it is damaged, or holds no numbers.
        """


def column(columns: Iterable[Column], name: str, place: Path) -> Column:
    """The column of that name.

    Raises:
        DataError: there is none.
    """
    named = {column.name: column for column in columns}
    if name not in named:
        raise DataError(f"{place}: has no column {name}; {did_you_mean(name, named)}")
    return named[name]


def checked_spans(
    lengths: NDArray[Any], offsets: NDArray[Any], rows: int | None, place: Path
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lengths and first rows of the episodes, [N] each, after they were held against each other.

    Raises:
        DataError: they are no whole numbers, overlap, or go beyond the `rows` of the columns, as
            far as these are known.
    """
    whole = all(values.ndim == 1 and values.dtype.kind in "iu" for values in (lengths, offsets))
    if not whole or len(lengths) != len(offsets) or not len(lengths):
        raise DataError(
            f"{place}: {LENGTHS} and {OFFSETS} must be whole numbers, one an episode; {FETCH}"
        )
    lengths, offsets = lengths.astype(np.int64), offsets.astype(np.int64)
    last = LONGEST if rows is None else rows
    within = min(lengths.min(), offsets.min()) >= 0 and max(lengths.max(), offsets.max()) <= last
    ends = offsets + lengths
    if not within or (offsets[1:] < ends[:-1]).any() or ends[-1] > last:
        raise DataError(
            f"{place}: by {LENGTHS} and {OFFSETS}, episodes overlap or go beyond the "
            f"{last:,} rows of its columns; {FETCH}"
        )
    return lengths, offsets
