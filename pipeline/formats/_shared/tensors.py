"""Tensor files (.pth): memory-mapped, and loaded without executing their pickles."""

import warnings
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import ZipFile, is_zipfile

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import DataError, UserError
from pipeline.formats._shared.pickles import damaged
from pipeline.weights.contents import described
from pipeline.weights.pickled_arrays import ARRAYS, PickledArray


def load(path: Path, layout: str) -> NDArray[Any]:
    """Load a .pth file that holds a tensor, a numpy array or a list of integers.

    Args:
        path: the file; the values of a tensor stay on disk until they are used.
        layout: name of the data set, for error messages.

    Raises:
        DataError: the file is missing, damaged, or holds anything else.
    """
    import torch

    if not path.is_file():
        raise DataError(f"{path}: no such file; the {layout} layout needs it; fetch it again")
    try:
        with (
            warnings.catch_warnings(action="ignore", category=UserWarning),
            torch.serialization.safe_globals(ARRAYS),
        ):
            mapped = is_zipfile(path)  # the format of torch < 1.6 is no zip and cannot be mapped
            if mapped:
                _check_sums(path)
            value = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
        numbers = _numbers(value, path)
    except UserError:
        raise
    except UnpicklingError:
        raise DataError(f"{path}: holds more than tensors; refused to unpickle it") from None
    except Exception as error:  # bytes that are no pickle can raise anything
        raise damaged(path, error) from None
    return numbers


def _check_sums(path: Path) -> None:
    """Compare the checksums that torch.save writes and torch.load does not read.

    Raises:
        BadZipFile: a member has another CRC-32.
    """
    with ZipFile(path) as archive:
        for member in archive.infolist():
            if member.CRC:  # 0 where torch was told to write none
                with archive.open(member) as file:
                    while file.read(2**20):
                        pass


def _numbers(value: object, path: Path) -> NDArray[Any]:
    values = _array(value)
    if values is None or values.dtype.kind not in "biuf":
        raise DataError(
            f"{path}: holds {described(value)}, not a tensor of a type that numpy has, such as "
            "float32 or int64; save such a one in its place, with torch.save"
        )
    return values


def _array(value: object) -> NDArray[Any] | None:
    """What can be seen as an array; None for anything else."""
    import torch

    if isinstance(value, PickledArray):
        return value.values
    if isinstance(value, list) and all(type(item) is int for item in value):
        return np.array(value, np.int64)
    try:
        return value.detach().numpy() if isinstance(value, torch.Tensor) else None
    except (TypeError, RuntimeError):  # bfloat16, sparse, quantised
        return None


def save(path: Path, values: NDArray[Any]) -> None:
    """Write an array as a tensor; the same values give the same bytes."""
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(torch.from_numpy(np.ascontiguousarray(values)), path)


def to_uint8(values: NDArray[Any], path: Path) -> NDArray[np.uint8]:
    """Frames of any numeric dtype as uint8.

    Raises:
        DataError: a value is no integer in 0..255.
    """
    if values.dtype == np.uint8:
        return values
    with np.errstate(invalid="ignore"):
        frames = values.astype(np.uint8)
    if not np.array_equal(frames, values):
        raise DataError(
            f"{path}: frames are {values.dtype} but not integers in 0..255; "
            "multiply by 255 and round if they are in 0..1, else fetch it again"
        )
    return frames
