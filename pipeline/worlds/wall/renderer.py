"""Rendering of the Wall world."""

import numpy as np
from numpy.typing import NDArray

from pipeline.worlds.wall.physics import BORDER, HALF_DOOR, HALF_WALL, Positions

SIDE = 65  # pixels of the image that positions are given in


def render(
    positions: Positions, wall: float, door: float, size: int, dot_std: float
) -> NDArray[np.uint8]:
    """Frames uint8 [T, size, size, 3] RGB for positions [T, 2]: a red dot, green walls."""
    grid = (np.arange(size) + 0.5) * SIDE / size - 0.5
    x_profile = np.exp(-((grid - positions[:, :1]) ** 2) / (2 * dot_std**2))  # [T, size]
    y_profile = np.exp(-((grid - positions[:, 1:]) ** 2) / (2 * dot_std**2))
    frames = np.zeros((len(positions), size, size, 3), np.uint8)
    frames[..., 0] = (255 * y_profile[:, :, None] * x_profile[:, None, :]).astype(np.uint8)
    frames[..., 1] = 255 * _walls(grid, wall, door)
    return frames


def _walls(grid: Positions, wall: float, door: float) -> NDArray[np.bool_]:
    half = SIDE / len(grid) / 2
    closed = np.abs(grid - door) > HALF_DOOR
    solid = (np.abs(grid - wall) <= HALF_WALL)[None, :] & closed[:, None]
    border = np.zeros(len(grid), bool)
    for line in BORDER:
        border |= np.abs(grid - line) <= max(half, 0.5)
    return solid | border[None, :] | border[:, None]
