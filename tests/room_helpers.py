"""The true surface of a room, worked out independently of its ray caster."""

import numpy as np


def distance_to_surface(room, points):
    """Distance [N] of points [N, 3] to the nearest face of any box of a scene."""
    best = np.full(len(points), np.inf)
    for low, high in zip(room.low, room.high, strict=True):
        outside = np.maximum(np.maximum(low - points, points - high), 0)
        away = np.linalg.norm(outside, axis=1)
        within = np.minimum(points - low, high - points).min(1)
        best = np.minimum(best, np.where(away > 0, away, np.abs(within)))
    return best
