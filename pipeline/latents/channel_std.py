"""Standard deviation of each channel of latents, with a substitute for constant channels."""

import numpy as np
from numpy.typing import NDArray

Moments = NDArray[np.float64]
"""A number for each channel, [C]."""
ROUNDING = 1e-12
"""A variance below this share of the channel's mean square, or of the largest variance of all
channels, is taken for a rounding error."""


def alive(variance: Moments, squares: Moments) -> NDArray[np.bool_]:
    """Which channels bool [C] vary; the others are dead.

    A channel is dead if its std is at most a millionth of its RMS, or of the largest std.

    Args:
        variance: of each channel.
        squares: mean square of each channel.
    """
    return variance > ROUNDING * np.maximum(squares, variance.max())


def channel_std(variance: Moments, squares: Moments) -> Moments:
    """Standard deviation per channel; dead ones get the RMS of those of the others, or 1.

    A model's error in a channel that never varies has to weigh something. Arguments as for `alive`.
    """
    return np.sqrt(substituted(variance, alive(variance, squares)))


def substituted(variance: Moments, varies: NDArray[np.bool_]) -> Moments:
    """Variance per channel, where it does not vary the mean of that of the others, or 1."""
    substitute = variance[varies].mean() if varies.any() else 1.0
    return np.where(varies, variance, substitute)
