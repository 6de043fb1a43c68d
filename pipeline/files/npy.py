"""Arrays in .npy and .npz files; a header takes no more memory than there are bytes for it."""

import io
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from pipeline.files.content import parsing, read_bytes

Numbers = NDArray[Any]
LARGEST = 2**32
"""Bytes of all arrays of a file."""
DEFLATED = 1032
"""A byte of deflate stands for at most so many (zlib's technical details)."""


def read_npy(path: Path, way_out: str) -> Numbers:
    """The array of a .npy file; nothing is unpickled.

    Raises:
        DataError: it is missing or damaged, and `way_out` says what to do.
    """
    content = read_bytes(path, way_out)
    with parsing(path, way_out):
        return parse_npy(content)


def read_npz(path: Path, way_out: str, expected: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The arrays of a .npz file by name; nothing is unpickled.

    Args:
        path: the file.
        way_out: what to do if it is missing or damaged.
        expected: the arrays that it must hold: dtype and axes of each, such as "uint8 n h w 3".
            An axis is a number or a name, and has the same size wherever it is named.

    Raises:
        DataError: it is missing or damaged, or holds other arrays.
    """
    content = read_bytes(path, way_out, LARGEST)
    with parsing(path, way_out):
        arrays = parse_npz(content)
        if expected is not None:
            _check(arrays, expected)
        return arrays


def parse_npy(content: bytes) -> Numbers:
    """The array of the bytes of a .npy file; what damaged ones raise is for `parsing`."""
    return _array(io.BytesIO(content), len(content))


def parse_npz(content: bytes) -> dict[str, Numbers]:
    """The arrays of the bytes of a .npz file; what damaged ones raise is for `parsing`."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        for member in members:
            if member.file_size > DEFLATED * (member.compress_size + 1):
                raise ValueError(f"{member.filename} claims {member.file_size:,} bytes")
        if (total := sum(member.file_size for member in members)) > LARGEST:
            raise ValueError(f"it claims {total:,} bytes, where at most {LARGEST:,} are expected")
        return {
            member.filename.removesuffix(".npy"): _array(archive.open(member), member.file_size)
            for member in members
        }


def npz_bytes(arrays: Mapping[str, Numbers]) -> bytes:
    """The content of a compressed .npz file; the same arrays give the same bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type] # its stubs want a bool of all
    return buffer.getvalue()


def _array(file: IO[bytes], size: int) -> Numbers:
    """Read an array from a file of `size` bytes, after its header was held against them."""
    start = io.BytesIO(file.read(npy.MAGIC_LEN + 4 + HEADER))
    version = npy.read_magic(start)
    if version == (1, 0):
        shape, _, dtype = npy.read_array_header_1_0(start)
    elif version == (2, 0):
        shape, _, dtype = npy.read_array_header_2_0(start)
    else:
        raise ValueError(f"version {version} of npy is unknown")
    needed = math.prod(shape) * dtype.itemsize
    if dtype.hasobject:
        raise ValueError("its objects would need allow_pickle, which executes code")
    if min(shape, default=0) < 0 or needed > size - start.tell():
        raise ValueError(f"its header claims {shape} of {dtype}, in {size:,} bytes")
    file.seek(0)
    array: Numbers = npy.read_array(file, allow_pickle=False)
    return array


HEADER = 10_000
"""Bytes of the longest header that numpy accepts."""


def _check(arrays: Mapping[str, Numbers], expected: Mapping[str, str]) -> None:
    sizes: dict[str, int] = {}
    for name, description in expected.items():
        if name not in arrays:
            raise ValueError(f"no array {name}")
        array, (dtype, *axes) = arrays[name], description.split()
        fits = array.dtype == dtype and array.ndim == len(axes)
        for axis, size in zip(axes, array.shape, strict=False):
            fits &= size == (int(axis) if axis.isdigit() else sizes.setdefault(axis, size))
        if not fits:
            raise ValueError(f"{name} is {array.dtype} {list(array.shape)}, not {description}")
