"""Walking about: to places that can be seen, looking around on the way."""

import numpy as np
from numpy.typing import NDArray

from pipeline.worlds.room.scene import SIZE, Floats, Scene, blocked, inside

RADIUS = 0.3
"""Metres that the eye keeps from walls and furniture."""
MOST_PITCH = 0.6
"""Radians that one looks up or down at most."""
NEAR = 0.4
TOUCHING = 0.05


def wrapped(angle: Floats) -> Floats:
    """Angles in -pi .. pi."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


def free_place(scene: Scene, rng: np.random.Generator) -> Floats:
    """A place [2] at which the eye can be."""
    while True:
        place = rng.uniform(RADIUS, SIZE[:2] - RADIUS)
        if not inside(scene, place[None], RADIUS + TOUCHING)[0]:
            return place


def free_state(scene: Scene, rng: np.random.Generator) -> NDArray[np.float32]:
    """A state [4] at a free place, looking anywhere."""
    yaw, pitch = rng.uniform(-np.pi, np.pi), rng.uniform(-MOST_PITCH, MOST_PITCH) / 2
    return np.array([*free_place(scene, rng), yaw, pitch], np.float32)


def towards(state: Floats, goal: Floats, high: Floats) -> NDArray[np.float32]:
    """The action [4] that brings a state nearer to another, as far as bounds `high` [4] let it."""
    (east, north), yaw = goal[:2] - state[:2], state[2]
    ahead = east * np.cos(yaw) + north * np.sin(yaw)
    right = east * np.sin(yaw) - north * np.cos(yaw)
    wanted = np.array([ahead, right, wrapped(goal[2] - yaw), goal[3] - state[3]])
    return np.clip(wanted, -high, high).astype(np.float32)


class Walker:
    """A person who walks from place to place."""

    def __init__(self, scene: Scene, high: NDArray[np.float32], rng: np.random.Generator) -> None:
        self.scene, self.high, self.rng = scene, high.astype(np.float64), rng
        self.goal: Floats | None = None
        self.sway = np.zeros(4)

    def act(self, state: NDArray[np.float32]) -> NDArray[np.float32]:
        """The action [4] in a state [4]: walks ahead while it turns to where it wants to be."""
        place = state[:2].astype(np.float64)
        if self.goal is None or np.linalg.norm(self.goal[:2] - place) < NEAR:
            self.goal = self._next(place)
        east, north = self.goal[:2] - place
        turn = float(wrapped(np.arctan2(north, east) - state[2]))
        # A walk that sways: neighbouring actions are alike, and no two components go together.
        self.sway = 0.8 * self.sway + self.rng.normal(0, [0.15, 0.3, 0.2, 0.3])
        ahead = self.high[0] * max(np.cos(turn), 0.0) * 0.8
        wanted = np.array([ahead, 0, 0.5 * turn, 0.3 * (self.goal[3] - state[3])])
        action = wanted + self.high * self.sway
        return np.clip(action, -self.high, self.high).astype(np.float32)

    def _next(self, place: Floats) -> Floats:
        """A place in plain view, with the pitch at which to walk there."""
        for _ in range(50):
            goal = free_place(self.scene, self.rng)
            far = np.linalg.norm(goal - place) > 2 * NEAR
            if far and not blocked(self.scene, place, goal, RADIUS - TOUCHING):
                break
        return np.append(goal, [0, self.rng.uniform(-0.3, 0.2)])
