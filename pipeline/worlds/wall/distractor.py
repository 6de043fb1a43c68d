"""A distractor: a blue square that jumps in every frame to a random cell of a grid.

Nothing else is blue and nothing meets it, so no action changes it and it hides nothing. What
draws its cell is part of the state, so that a restored state continues bit for bit.
"""

import numpy as np
from numpy.typing import NDArray

MULTIPLIER, INCREMENT, MODULUS = 1140671485, 12820163, 2**24
"""A linear congruential generator of full period (Knuth, vol. 2, sec. 3.2.1.2) within float32."""
WIDTH = 0.5
"""Side of the square, as a share of its cell's."""

Draws = NDArray[np.float64]
"""In 0..1, without 1; multiples of 2^-24, so that float32 holds them."""


def first(shape: tuple[int, ...], rng: np.random.Generator) -> Draws:
    """The draws [...] of first frames."""
    return rng.integers(0, MODULUS, shape) / MODULUS


def following(draws: Draws) -> Draws:
    """The draws [...] one step after `draws` [...]."""
    numbers = (draws * MODULUS).astype(np.int64)
    return (numbers * MULTIPLIER + INCREMENT) % MODULUS / MODULUS


def cells(draws: Draws, count: int) -> NDArray[np.int64]:
    """Numbers [...] in 0..count - 1 of the cells of draws [...], by the generator's high bits."""
    return (draws * count).astype(np.int64)


def squares(side: int, size: int) -> NDArray[np.uint8]:
    """Blue of frames [side^2, size, size] with the square in each cell of the grid, row by row."""
    along = (np.arange(size) + 0.5) * side / size
    near = np.abs(along - np.arange(side)[:, None] - 0.5) <= WIDTH / 2  # [side, size]
    lit = near[:, None, :, None] & near[None, :, None, :]  # [row, column, size, size]
    return 255 * lit.reshape(side**2, size, size).astype(np.uint8)
