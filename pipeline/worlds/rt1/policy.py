"""How episodes are collected: hover over an object, descend, close, lift, carry it about."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.worlds.rt1.kinematics import Vector, rotation, turned
from pipeline.worlds.rt1.physics import State, at_rest, things
from pipeline.worlds.rt1.scene import FAR, NEAR, TABLE, THINGS, Thing

HOME = np.array([0.0, 0.2985, 0.1257, 0.0, 1.1466, 0.0])  # tool down, over the table's near half
DOWN = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])  # tool's x towards the table
APART = 0.135  # between objects, m, so that the gripper fits in between
STRIDE, TWIST = 0.05, 0.35  # most in an action: m, rad
WAY_NOISE, TURN_NOISE = 0.006, 0.02  # standard deviations: m, rad
HOVER, LOWEST = TABLE + 0.16, TABLE + 0.028
CLEAR = 0.08  # how high a held object is lifted before it is carried
CLOSING = 2  # actions that the gripper is given to close

Phase = Literal["hover", "descend", "close", "lift", "carry"]


def scatter(rng: np.random.Generator) -> State:
    """A state with the arm at home and objects at random places, turned at random."""
    spots = rng.uniform(NEAR, FAR, (len(THINGS), 2))
    while _gap(spots) < APART:  # all anew: three can leave no room for the fourth
        spots = rng.uniform(NEAR, FAR, (len(THINGS), 2))
    half = rng.uniform(-np.pi, np.pi, len(THINGS)) / 2
    places = np.zeros((len(THINGS), 7))
    places[:, :2] = spots
    places[:, 2] = [TABLE + thing.height for thing in THINGS]
    places[:, 3], places[:, 6] = np.cos(half), np.sin(half)
    return at_rest(HOME, places)


def _gap(spots: Vector) -> float:
    """The smallest distance between any two of several spots [N, 2]."""
    apart = np.linalg.norm(spots[:, None] - spots[None], axis=-1)
    return float(apart[np.triu_indices(len(spots), 1)].min())


class Picker:
    """Picks one object up and carries it from place to place above the table."""

    def __init__(self, thing: int, rng: np.random.Generator) -> None:
        """Draw the first place; `thing` counts `THINGS`."""
        self._thing, self._rng = thing, rng
        self._phase: Phase = "hover"
        self._closed = 0
        self._grasp = DOWN
        self._end = self._somewhere()

    def act(self, state: State) -> NDArray[np.float32]:
        """The next action [7] in a state [82]."""
        place = things(state)[self._thing].astype(np.float64)
        tool = state[:3].astype(np.float64)
        self._advance(tool, place)
        way = self._target(tool, place) - tool
        way *= min(1.0, STRIDE / max(float(np.linalg.norm(way)), 1e-9))
        angles = np.clip(turned(_matrix(state[3:7]), self._grasp), -TWIST, TWIST)
        way += self._rng.normal(0, WAY_NOISE, 3)
        angles += self._rng.normal(0, TURN_NOISE, 3)
        grip = float(self._phase in ("hover", "descend"))
        return np.array([*way, *angles, grip], np.float32)

    def _advance(self, tool: Vector, place: Vector) -> None:
        if self._phase == "hover":
            self._grasp = _grasp(THINGS[self._thing], place)
            if np.linalg.norm(place[:2] - tool[:2]) < 0.02 and tool[2] < HOVER + 0.02:
                self._phase = "descend"
        elif self._phase == "descend":
            if tool[2] < max(place[2], LOWEST) + 0.012:
                self._phase = "close"
        elif self._phase == "close":
            self._closed += 1
            if self._closed == CLOSING:
                self._phase = "lift"
        elif self._phase == "lift":
            if place[2] > TABLE + CLEAR:
                self._phase = "carry"
        elif np.linalg.norm(self._end - tool) < 0.02:
            self._end = self._somewhere()

    def _target(self, tool: Vector, place: Vector) -> Vector:
        if self._phase == "hover":
            return np.array([*place[:2], HOVER])
        if self._phase == "lift":
            return np.array([*tool[:2], self._end[2]])
        if self._phase == "carry":
            return self._end
        return np.array([*place[:2], max(place[2], LOWEST)])

    def _somewhere(self) -> Vector:
        return self._rng.uniform((*NEAR, TABLE + 0.16), (*FAR, TABLE + 0.24))


def _grasp(thing: Thing, place: Vector) -> Vector:
    """Matrix of a tool that points down and closes on the narrow side of an object at place [7]."""
    w, x, y, z = place[3:]
    yaw = np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    nearest = (yaw + thing.turn / 2) % thing.turn - thing.turn / 2 if thing.turn else 0.0
    return rotation(np.array([0.0, 0.0, nearest])) @ DOWN


def _matrix(quaternion: State) -> Vector:
    """Matrix [3, 3] of a quaternion x, y, z, w."""
    import mujoco

    matrix = np.empty(9)
    mujoco.mju_quat2Mat(matrix, np.roll(quaternion, 1).astype(np.float64))
    return matrix.reshape(3, 3)
