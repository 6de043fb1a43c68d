"""The collection policy of the Wall world: random walks."""

import numpy as np
from numpy.typing import NDArray

from pipeline.worlds.wall.physics import (
    BORDER,
    CLEARANCE,
    HALF_DOOR,
    HALF_WALL,
    STRIDE,
    Positions,
    move,
)


def walk(
    episodes: int,
    steps: int,
    doors: Positions,
    wall: float,
    crossing: float,
    pushing: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """States and actions [B, T, 2] of random walks; a share `crossing` is guided through the door.

    Headings change by von Mises noise (kappa 5); action lengths are normal (1, .4) truncated to
    [.2, 1.8]. A stopped dot draws a new heading, but in a share `pushing` of the episodes it goes
    on against the wall, as under a planner that takes it for open.
    """
    position = starts(episodes, wall, rng)
    side = np.sign(wall - position[:, 0])  # +1 if it starts in the left room
    guided = rng.random(episodes) < crossing
    heading = rng.uniform(-np.pi, np.pi, episodes)
    yields = rng.random(episodes) >= pushing
    states = np.empty((episodes, steps, 2), np.float32)
    actions = np.empty((episodes, steps, 2), np.float32)
    for step in range(steps):
        crossed = side * (position[:, 0] - wall) > HALF_WALL + 2
        guided &= ~crossed
        target = _waypoint(position, side, wall, doors)
        toward = np.arctan2(target[:, 1] - position[:, 1], target[:, 0] - position[:, 0])
        noise = rng.vonmises(0, 5, episodes) * np.where(guided, 0.5, 1)
        heading = np.where(guided, toward, heading) + noise
        length = _lengths(episodes, rng)
        action = length[:, None] * np.stack([np.cos(heading), np.sin(heading)], -1)
        states[:, step], actions[:, step] = position, action
        applied = actions[:, step].astype(np.float64)
        moved = move(position, applied, wall, doors)
        stopped = np.abs(moved - position - STRIDE * applied).max(-1) > CLEARANCE
        heading = np.where(stopped & yields, rng.uniform(-np.pi, np.pi, episodes), heading)
        position = moved.astype(np.float32).astype(np.float64)
    return states, actions


def starts(episodes: int, wall: float, rng: np.random.Generator) -> Positions:
    """Start positions [B, 2], uniform over both rooms and clear of walls."""
    low, high = BORDER[0] + 2, BORDER[1] - 2
    free = np.array([wall - HALF_WALL - 2 - low, high - (wall + HALF_WALL + 2)])
    along = rng.uniform(0, free.sum(), episodes)
    x = np.where(along < free[0], low + along, wall + HALF_WALL + 2 + along - free[0])
    position = np.stack([x, rng.uniform(low, high, episodes)], -1)
    return position.astype(np.float32).astype(np.float64)


def _waypoint(position: Positions, side: Positions, wall: float, doors: Positions) -> Positions:
    """Point [B, 2] to walk to: in front of the door until level with it, then behind the wall."""
    aligned = np.abs(position[:, 1] - doors) < HALF_DOOR - 1.5
    beyond = wall + side * (HALF_WALL + 6)
    before = wall - side * (HALF_WALL + 2)
    return np.stack([np.where(aligned, beyond, before), doors], -1)


def _lengths(episodes: int, rng: np.random.Generator) -> Positions:
    """Action lengths [B]: normal (1, .4) truncated at two std, by rejection."""
    length = rng.normal(1, 0.4, episodes)
    while (outside := (length < 0.2) | (length > 1.8)).any():
        length[outside] = rng.normal(1, 0.4, int(outside.sum()))
    return length
