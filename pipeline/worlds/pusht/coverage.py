"""gym-pusht's score of PushT: how much of the goal the block covers (Chi et al. 2023)."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from pipeline.worlds.pusht.physics import BAR, STEM, Box, corners

COVERED = 0.95
"""gym-pusht counts more coverage than this as success."""

Polygon = NDArray[np.float64]
"""Corners [N, 2] of a convex polygon, in order."""
Pose = tuple[float, float, float]
"""x, y of the block's position in pixels, and its angle in radians."""


def coverage(pose: Pose, goal: Pose) -> float:
    """Area that the block at a pose has in common with the block at the goal's, over its own; 0..1.

    Bar and stem do not overlap, so that the areas of their common parts add up.
    """
    pairs = product((BAR, STEM), repeat=2)
    common = sum(_area(_clip(_placed(ours, pose), _placed(its, goal))) for ours, its in pairs)
    return float(common / sum(_area(_placed(part, goal)) for part in (BAR, STEM)))


def _placed(box: Box, pose: Pose) -> Polygon:
    x, y, angle = pose
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array(corners(box)) @ np.array([[cos, sin], [-sin, cos]]) + (x, y)


def _clip(polygon: Polygon, window: Polygon) -> Polygon:
    """What a convex polygon has in common with another (Sutherland & Hodgman 1974), [N, 2]."""
    middle = window.mean(0)
    for start, end in zip(window, np.roll(window, -1, 0), strict=True):
        normal = np.array([start[1] - end[1], end[0] - start[0]])
        normal *= np.sign(normal @ (middle - start))  # inwards, whichever way round the corners go
        depth = (polygon - start) @ normal
        kept: list[NDArray[np.float64]] = []
        for index in range(len(polygon)):
            here, before = depth[index], depth[index - 1]
            if (here >= 0) != (before >= 0):
                share = before / (before - here)
                kept.append(polygon[index - 1] + share * (polygon[index] - polygon[index - 1]))
            if here >= 0:
                kept.append(polygon[index])
        polygon = np.array(kept).reshape(-1, 2)
    return polygon


def _area(polygon: Polygon) -> float:
    x, y = polygon.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)
