"""numpy arrays in files of torch.save, parsed without numpy's own classes."""

import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


class PickledArray:
    """Takes the place of numpy.ndarray while unpickling: parses the values from the pickled bytes.

    numpy's own `dtype` and `ndarray` must not be allowed: a pickle sets their state, and a forged
    state turns bytes of the file into pointers that numpy dereferences.
    """

    values: NDArray[Any]

    def __setstate__(self, state: tuple[int, tuple[int, ...], "PickledDtype", bool, bytes]) -> None:
        """Parse the state that numpy.ndarray.__reduce__ returns."""
        _, shape, dtype, fortran, data = state
        flat = np.frombuffer(data, dtype.parsed())
        self.values = flat.reshape(shape, order="F" if fortran else "C")


class PickledDtype:
    """Takes the place of numpy.dtype while unpickling: numeric dtypes only."""

    order = "="

    def __init__(self, name: str, align: bool = False, copy: bool = True) -> None:
        """Accept only the name of a numeric dtype, such as `u1` or `f4`."""
        if not re.fullmatch(r"b1|[iu][1248]|f[248]", name):
            raise pickle.UnpicklingError(f"it holds an array of {name!r}")
        self.name = name

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take the byte order from the state that numpy.dtype.__reduce__ returns, nothing else."""
        self.order = state[1]

    def parsed(self) -> np.dtype[Any]:
        """The numpy dtype, built from its name."""
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
"""Safe globals for torch.load of files that hold numpy arrays, with their names in the pickle."""
