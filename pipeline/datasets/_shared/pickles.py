"""Pickles read without ever running them: plain values alone, and stand-ins for numpy's arrays."""

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import DataError


class _PlainUnpickler(pickle.Unpickler):
    """Builds numbers, strings and the containers of Python; a pickle that names more is refused."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def load_plain(path: Path) -> object:
    """What a pickle of plain values holds.

    Raises:
        DataError: it is missing, damaged, or holds more than numbers, strings and containers.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; fetch the set again")
    try:
        with path.open("rb") as file:
            return _PlainUnpickler(file).load()
    except pickle.UnpicklingError as error:
        raise DataError(
            f"{path}: holds more than numbers and strings; refused to unpickle it ({error})"
        ) from None
    except Exception as error:  # bytes that are no pickle can raise anything
        raise damaged(path, error) from None


def save_plain(path: Path, values: list[int] | list[str]) -> None:
    """Pickle plain values; equal values must be the same object for the same bytes."""
    path.write_bytes(pickle.dumps(values, protocol=4))


def damaged(path: Path, error: Exception) -> DataError:
    """The error for a file that could not be read."""
    said = (str(error) or type(error).__name__).splitlines()[0]
    return DataError(f"{path}: damaged ({said}); fetch it again")


class PickledArray:
    """Stands for a numpy.ndarray: its values are parsed from the bytes of the pickle.

    numpy's own `dtype` and `ndarray` must not be let in: a pickle sets their state, and a forged
    one makes bytes of the file into pointers that numpy follows.
    """

    values: NDArray[Any]

    def __setstate__(self, state: tuple[int, tuple[int, ...], "PickledDtype", bool, bytes]) -> None:
        """Parse the state that numpy.ndarray.__reduce__ gives."""
        _, shape, dtype, fortran, data = state
        flat = np.frombuffer(data, dtype.parsed())
        self.values = flat.reshape(shape, order="F" if fortran else "C")


class PickledDtype:
    """Stands for a numpy.dtype of plain numbers."""

    order = "="

    def __init__(self, name: str, align: bool = False, copy: bool = True) -> None:
        """Accept the name of a number's type alone, such as `u1` or `f4`."""
        if not re.fullmatch(r"b1|[iu][1248]|f[248]", name):
            raise pickle.UnpicklingError(f"it holds an array of {name!r}")
        self.name = name

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take the byte order, and nothing else that numpy.dtype.__reduce__ gives."""
        self.order = state[1]

    def parsed(self) -> np.dtype[Any]:
        """The dtype itself, built by its name."""
        if self.order not in ("<", ">", "=", "|"):
            raise pickle.UnpicklingError(f"it holds numbers in byte order {self.order!r}")
        return np.dtype(self.order + self.name)


def _reconstruct(kind: type[Any], shape: tuple[int, ...], code: object) -> PickledArray:
    return PickledArray()


ARRAYS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (_reconstruct, "numpy.core.multiarray._reconstruct"),
    (_reconstruct, "numpy._core.multiarray._reconstruct"),
    (PickledArray, "numpy.ndarray"),
    (PickledDtype, "numpy.dtype"),
]
"""What torch may build when a file holds arrays, and the names that files know it by."""
