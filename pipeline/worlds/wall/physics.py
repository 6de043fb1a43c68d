"""Where the dot of the Wall world can go: geometry, for many dots at once."""

import numpy as np
from numpy.typing import NDArray

STRIDE = 2.0  # pixels that an action of length 1 moves the dot
BORDER = (4.0, 60.0)  # the square that the dot is kept in
HALF_WALL = 3.0
HALF_DOOR = 4.0
CLEARANCE = 0.5
INSIDE = (BORDER[0] + CLEARANCE, BORDER[1] - CLEARANCE)

Positions = NDArray[np.float64]


def solids(wall: float, doors: Positions) -> tuple[Positions, Positions]:
    """Low and high corners [B, 2, 2] of the wall's two halves, above and below the door."""
    left, right = np.full_like(doors, wall - HALF_WALL), np.full_like(doors, wall + HALF_WALL)
    top, bottom = np.full_like(doors, -np.inf), np.full_like(doors, np.inf)
    low = np.stack([np.stack([left, top], -1), np.stack([left, doors + HALF_DOOR], -1)], 1)
    high = np.stack([np.stack([right, doors - HALF_DOOR], -1), np.stack([right, bottom], -1)], 1)
    return low, high


def move(positions: Positions, actions: Positions, wall: float, doors: Positions) -> Positions:
    """Positions [B, 2] after actions [B, 2], each stopped at the first face that it meets."""
    path = STRIDE * actions
    low, high = solids(wall, doors)
    with np.errstate(divide="ignore", invalid="ignore"):
        near, far = ((face - positions[:, None]) / path[:, None] for face in (low, high))
    # A path along an axis is inside that slab for ever, or never (slab method, Kay & Kajiya 1986).
    inside = (positions[:, None] > low) & (positions[:, None] < high)
    still = np.broadcast_to((path == 0)[:, None], near.shape)
    enter = np.where(still, np.where(inside, -np.inf, np.inf), np.minimum(near, far))
    leave = np.where(still, np.where(inside, np.inf, -np.inf), np.maximum(near, far))
    first, last = enter.max(-1), leave.min(-1)
    hit = np.where((first < last) & (first >= 0) & (first <= 1), first, np.inf)  # [B, 2 halves]
    when = hit.min(-1)
    axis = np.take_along_axis(enter.argmax(-1), hit.argmin(-1)[:, None], 1)[:, 0]
    border = _border(positions, path)
    stopped = np.minimum(np.minimum(when, border), 1.0)
    arrived = positions + path * stopped[:, None]
    rows = np.flatnonzero(when <= np.minimum(border, 1.0))
    arrived[rows, axis[rows]] -= CLEARANCE * np.sign(path[rows, axis[rows]])
    return np.clip(arrived, *INSIDE)


def _border(positions: Positions, path: Positions) -> Positions:
    """Share of the path [B] walked when the dot meets the border, infinite if it moves away."""
    face = np.where(path > 0, INSIDE[1], INSIDE[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        when = np.where(path == 0, np.inf, (face - positions) / path)
    return np.maximum(when.min(-1), 0.0)
