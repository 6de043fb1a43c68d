"""One HDF5 file: an array a column, with the lengths and first rows of the episodes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.files.hdf5 import Array, open_hdf5
from pipeline.formats._shared import hdf5_arrays, pixels
from pipeline.formats.stable_worldmodel.storage import (
    FETCH,
    LENGTHS,
    OFFSETS,
    Column,
    checked_spans,
)


def is_of_swm(path: Path) -> bool:
    """Whether a file is an HDF5 file with lists of episodes."""
    try:
        with open_hdf5(path, FETCH) as file:
            return {LENGTHS, OFFSETS} <= set(file.names())
    except UserError:  # no HDF5, whatever its name says
        return False


def open_file(path: Path) -> "InHdf5":
    """Read the lists of episodes.

    Raises:
        DataError: the file is missing or damaged, or the lists are.
    """
    with open_hdf5(path, FETCH) as file:
        lengths, offsets = file.array(LENGTHS).rows(), file.array(OFFSETS).rows()
        arrays = [array for array in file.arrays() if array.name not in (LENGTHS, OFFSETS)]
        rows = min((array.shape[0] for array in arrays), default=0)
    return InHdf5(path, *checked_spans(lengths, offsets, rows, path))


@dataclass(frozen=True, slots=True)
class InHdf5:
    """A `Storage`."""

    path: Path
    lengths: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def columns(self) -> list[Column]:
        """All arrays but the lists."""
        with open_hdf5(self.path, FETCH) as file:
            return [_column(each) for each in file.arrays() if each.name not in (LENGTHS, OFFSETS)]

    def column(self, name: str) -> Column:
        """The array of that name."""
        with open_hdf5(self.path, FETCH) as file:
            return _column(file.array(name))

    def place(self, name: str, index: int) -> str:
        """The file, the column and the episode."""
        return f"{self.path}: {name} of episode {index}"

    def frames(self, name: str, index: int) -> tuple[NDArray[np.uint8], None]:
        """The frames of an episode."""
        with open_hdf5(self.path, FETCH) as file:
            array = file.array(name)
            return hdf5_arrays.frames(array, *self._span(index), self.place(name, index)), None

    def numbers(self, name: str, index: int) -> NDArray[Any]:
        """The rows of an episode."""
        with open_hdf5(self.path, FETCH) as file:
            array = file.array(name)
            return hdf5_arrays.numbers(array, *self._span(index), self.place(name, index))

    def _span(self, index: int) -> tuple[int, int]:
        start = int(self.offsets[index])
        return start, start + int(self.lengths[index])


def _column(array: Array) -> Column:
    return Column(
        name=array.name,
        dtype=str(array.dtype),
        shape=array.shape[1:],
        is_frames=pixels.otherwise(array.shape, array.dtype) is None,
        is_numbers=array.dtype.kind in hdf5_arrays.NUMBERS,
    )
