"""Frames and numbers out of the arrays of an HDF5 file."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import DataError
from pipeline.files.hdf5 import Array
from pipeline.formats._shared import pixels

NUMBERS = "biuf"
"""Kinds of dtype that stand for numbers."""


def holds_files(array: Array) -> bool:
    """Whether an array may hold an image file per row: padded to one length, or of any."""
    import h5py

    if array.dtype.kind == "O":
        return h5py.check_vlen_dtype(array.dtype) == np.uint8
    padded = len(array.shape) == 2 and array.dtype == np.uint8
    return padded or (len(array.shape) == 1 and array.dtype.kind in "SV")


def no_frames(array: Array) -> str | None:
    """What an array holds if it holds no frames, and the way out; else None."""
    return None if holds_files(array) else pixels.otherwise(array.shape, array.dtype)


def frames(array: Array, start: int, stop: int, place: str) -> NDArray[np.uint8]:
    """Frames uint8 RGB [T, H, W, 3] of the rows start..stop.

    Raises:
        DataError: they are no frames, or damaged.
    """
    if (problem := no_frames(array)) is not None:
        raise DataError(f"{place} {problem}")
    if holds_files(array):
        return pixels.decode(_files(array, start, stop), stop - start, place, array.way_out)
    return pixels.rgb(array.rows(start, stop))


def numbers(array: Array, start: int, stop: int, place: str) -> NDArray[Any]:
    """The rows start..stop as [T, dim], whatever axes a row has.

    Raises:
        DataError: they are no numbers, or damaged.
    """
    if array.dtype.kind not in NUMBERS:
        raise DataError(f"{place} is {array.dtype} {list(array.shape)}, no numbers; choose another")
    rows = array.rows(start, stop)
    return rows.reshape(len(rows), -1)


def float32(values: NDArray[Any]) -> NDArray[np.float32]:
    """Values as float32; what is too large becomes infinite, which Episode refuses."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _files(array: Array, start: int, stop: int) -> Iterator[bytes]:
    # One at a time: rows of any length may lead to the same bytes again and again.
    return (array.rows(row, row + 1)[0].tobytes() for row in range(start, stop))
