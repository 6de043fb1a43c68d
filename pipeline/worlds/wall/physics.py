"""Motion of the Wall world's dot, batched: straight paths, stopped by walls."""

import numpy as np
from numpy.typing import NDArray

STRIDE = 2.0  # pixels that an action of length 1 moves the dot
BORDER = (4.0, 60.0)  # the square that bounds the dot
HALF_WALL = 3.0
HALF_DOOR = 4.0
CLEARANCE = 0.5  # pixels between a stopped dot and the face
INSIDE = (BORDER[0] + CLEARANCE, BORDER[1] - CLEARANCE)

Positions = NDArray[np.float64]


def wall_halves(wall: float, doors: Positions) -> tuple[Positions, Positions]:
    """Low and high corners [B, 2 halves, 2] of the wall above and below the door."""
    low, high = np.empty((2, len(doors), 2, 2))
    low[..., 0], high[..., 0] = wall - HALF_WALL, wall + HALF_WALL
    low[:, 0, 1], low[:, 1, 1] = -np.inf, doors + HALF_DOOR
    high[:, 0, 1], high[:, 1, 1] = doors - HALF_DOOR, np.inf
    return low, high


def move(positions: Positions, actions: Positions, wall: float, doors: Positions) -> Positions:
    """Positions [B, 2] after actions [B, 2], each stopped at the first face that it meets."""
    path = STRIDE * actions
    wall_hit, axis = _wall_hit(positions, path, wall, doors)
    border_hit = _border_hit(positions, path)
    fraction = np.minimum(np.minimum(wall_hit, border_hit), 1.0)
    moved = positions + path * fraction[:, None]
    rows = np.flatnonzero(wall_hit <= np.minimum(border_hit, 1.0))
    moved[rows, axis[rows]] -= CLEARANCE * np.sign(path[rows, axis[rows]])
    return np.clip(moved, *INSIDE)


def blocked(
    positions: Positions, paths: Positions, wall: float, doors: Positions
) -> NDArray[np.bool_]:
    """Whether the wall is in the way [B] of straight paths [B, 2] from positions [B, 2]."""
    return np.isfinite(_wall_hit(positions, paths, wall, doors)[0])


def _wall_hit(
    positions: Positions, path: Positions, wall: float, doors: Positions
) -> tuple[Positions, NDArray[np.int64]]:
    """Fraction of the path [B] at which the dot meets the wall, else infinite; the face's axis."""
    low, high = wall_halves(wall, doors)
    with np.errstate(divide="ignore", invalid="ignore"):
        near, far = ((face - positions[:, None]) / path[:, None] for face in (low, high))
    # Slab method (Kay & Kajiya 1986): a path parallel to a slab is always or never inside it.
    inside = (positions[:, None] > low) & (positions[:, None] < high)
    parallel = np.broadcast_to((path == 0)[:, None], near.shape)
    enter = np.where(parallel, np.where(inside, -np.inf, np.inf), np.minimum(near, far))
    leave = np.where(parallel, np.where(inside, np.inf, -np.inf), np.maximum(near, far))
    first, last = enter.max(-1), leave.min(-1)
    hit = np.where((first < last) & (first >= 0) & (first <= 1), first, np.inf)  # [B, 2 halves]
    axis = np.take_along_axis(enter.argmax(-1), hit.argmin(-1)[:, None], 1)[:, 0]
    return hit.min(-1), axis


def _border_hit(positions: Positions, path: Positions) -> Positions:
    """Fraction of the path [B] at which the dot meets the border, infinite if it moves away."""
    face = np.where(path > 0, INSIDE[1], INSIDE[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = np.where(path == 0, np.inf, (face - positions) / path)
    return np.maximum(fraction.min(-1), 0.0)
