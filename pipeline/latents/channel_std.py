"""The spread of each channel of latents, and what stands for it where a channel never varies."""

import numpy as np
from numpy.typing import NDArray

Moments = NDArray[np.float64]
"""A number for each channel, [C]."""
ROUNDING = 1e-12
"""Of a channel's mean square or the largest variance, the share up to which it is rounding."""


def alive(variance: Moments, squares: Moments) -> NDArray[np.bool_]:
    """Which channels vary by more than a millionth of their values; the others are dead.

    So is one that varies by no more than a millionth of the one that varies most.

    Args:
        variance: of each channel; rounding may bring it below 0.
        squares: mean of each channel's squares.
    """
    return variance > ROUNDING * np.maximum(squares, variance.max())


def spread(variance: Moments, squares: Moments) -> Moments:
    """Standard deviation per channel, and a unit for dead ones: that of those alive, or 1.

    A model may be wrong about a channel that never varies, and that has to weigh something.
    """
    living = alive(variance, squares)
    unit = variance[living].mean() if living.any() else 1.0
    return np.sqrt(np.where(living, variance, unit))
