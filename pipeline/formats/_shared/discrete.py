"""Discrete actions as one-hot vectors: to a model, action 3 is not three times action 1."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import DataError

MOST = 4096
"""Actions to choose from."""


def one_hot(values: NDArray[Any], choices: int, place: str, start: int = 0) -> NDArray[np.float32]:
    """Whole numbers start..start + choices - 1 [T, K] as float32 [T, K * choices], 1 at each.

    Raises:
        DataError: one is no whole number, or out of range; there are more than MOST choices.
    """
    if choices > MOST:
        raise DataError(f"{place}: {choices:,} actions to choose from, where at most {MOST} are")
    whole = values.astype(np.float64) - start
    right = (whole >= 0) & (whole < choices) & (whole == np.floor(whole))
    if not right.all():
        raise DataError(
            f"{place}: {values[~right][0]} is none of the actions {start} to "
            f"{start + choices - 1}; correct how many there are"
        )
    encoded = np.zeros((*whole.shape, choices), np.float32)
    np.put_along_axis(encoded, whole.astype(np.int64)[..., None], 1, axis=-1)
    return encoded.reshape(len(values), -1)
