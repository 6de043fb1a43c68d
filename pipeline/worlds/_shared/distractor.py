"""A distractor: a blue square that jumps in every frame to a random cell of a grid.

Nothing else is blue and nothing meets it, so no action changes it and it hides nothing. What
draws its cell is the last number of a state, so that a restored one continues bit for bit.
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


def squares(side: int, height: int, width: int) -> NDArray[np.uint8]:
    """Blue of frames [side^2, height, width], each with the square in a cell of the grid.

    Cells go row by row.
    """
    rows, columns = _near(side, height), _near(side, width)
    lit = rows[:, None, :, None] & columns[None, :, None, :]  # [row, column, height, width]
    return 255 * lit.reshape(side**2, height, width).astype(np.uint8)


def pictures(side: int, height: int, width: int) -> NDArray[np.uint8]:
    """Frames [side^2, height, width, 3] of the square alone, black elsewhere."""
    blue = squares(side, height, width)
    return np.stack([np.zeros_like(blue), np.zeros_like(blue), blue], -1)


def _near(side: int, size: int) -> NDArray[np.bool_]:
    """Which of `size` pixels the square covers in each cell, [side, size]."""
    along = (np.arange(size) + 0.5) * side / size
    return np.abs(along - np.arange(side)[:, None] - 0.5) <= WIDTH / 2
