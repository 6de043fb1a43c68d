"""The collection policy: hover over an object, descend, grasp, lift, carry it about."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.worlds.rt1.kinematics import Vector, rotation, rotation_error
from pipeline.worlds.rt1.physics import State, at_rest, object_poses
from pipeline.worlds.rt1.scene import FAR, NEAR, OBJECTS, TABLE, ObjectSpec

HOME = np.array([0.0, 0.2985, 0.1257, 0.0, 1.1466, 0.0])  # tool down, over the near half
DOWN = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])  # the tool's x points down
MIN_DISTANCE = 0.135  # m, between objects, so that the gripper fits in
MAX_TRANSLATION, MAX_ROTATION = 0.05, 0.35  # per action: m, rad
TRANSLATION_NOISE, ROTATION_NOISE = 0.006, 0.02  # std: m, rad
HOVER, MIN_HEIGHT = TABLE + 0.16, TABLE + 0.028
LIFT_HEIGHT = 0.08  # m above the table at which a grasped object is carried
CLOSE_STEPS = 2  # actions that closing the gripper takes

Phase = Literal["hover", "descend", "close", "lift", "carry"]


def scatter_objects(rng: np.random.Generator) -> State:
    """A state [82] with the arm at home, and objects at random positions and yaw angles."""
    positions = rng.uniform(NEAR, FAR, (len(OBJECTS), 2))
    while _min_distance(positions) < MIN_DISTANCE:  # redraw all: three may leave no room
        positions = rng.uniform(NEAR, FAR, (len(OBJECTS), 2))
    half = rng.uniform(-np.pi, np.pi, len(OBJECTS)) / 2
    poses = np.zeros((len(OBJECTS), 7))
    poses[:, :2] = positions
    poses[:, 2] = [TABLE + spec.height for spec in OBJECTS]
    poses[:, 3], poses[:, 6] = np.cos(half), np.sin(half)
    return at_rest(HOME, poses)


def _min_distance(positions: Vector) -> float:
    """The smallest distance between any two of N positions [N, 2]."""
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    return float(distances[np.triu_indices(len(positions), 1)].min())


class Picker:
    """Picks up one object and carries it to random destinations above the table."""

    def __init__(self, target: int, rng: np.random.Generator) -> None:
        """A policy for the object with index `target` in OBJECTS; draws its first destination."""
        self._target_index, self._rng = target, rng
        self._phase: Phase = "hover"
        self._closed = 0
        self._grasp = DOWN
        self._destination = self._draw_destination()

    def act(self, state: State) -> NDArray[np.float32]:
        """The next action [7] in a state [82]."""
        pose = object_poses(state)[self._target_index].astype(np.float64)
        tool = state[:3].astype(np.float64)
        self._advance(tool, pose)
        translation = self._waypoint(tool, pose) - tool
        translation *= min(1.0, MAX_TRANSLATION / max(float(np.linalg.norm(translation)), 1e-9))
        angles = np.clip(
            rotation_error(_matrix(state[3:7]), self._grasp), -MAX_ROTATION, MAX_ROTATION
        )
        translation += self._rng.normal(0, TRANSLATION_NOISE, 3)
        angles += self._rng.normal(0, ROTATION_NOISE, 3)
        grip = float(self._phase in ("hover", "descend"))
        return np.array([*translation, *angles, grip], np.float32)

    def _advance(self, tool: Vector, pose: Vector) -> None:
        if self._phase == "hover":
            self._grasp = _grasp(OBJECTS[self._target_index], pose)
            if np.linalg.norm(pose[:2] - tool[:2]) < 0.02 and tool[2] < HOVER + 0.02:
                self._phase = "descend"
        elif self._phase == "descend":
            if tool[2] < max(pose[2], MIN_HEIGHT) + 0.012:
                self._phase = "close"
        elif self._phase == "close":
            self._closed += 1
            if self._closed == CLOSE_STEPS:
                self._phase = "lift"
        elif self._phase == "lift":
            if pose[2] > TABLE + LIFT_HEIGHT:
                self._phase = "carry"
        elif np.linalg.norm(self._destination - tool) < 0.02:
            self._destination = self._draw_destination()

    def _waypoint(self, tool: Vector, pose: Vector) -> Vector:
        if self._phase == "hover":
            return np.array([*pose[:2], HOVER])
        if self._phase == "lift":
            return np.array([*tool[:2], self._destination[2]])
        if self._phase == "carry":
            return self._destination
        return np.array([*pose[:2], max(pose[2], MIN_HEIGHT)])

    def _draw_destination(self) -> Vector:
        return self._rng.uniform((*NEAR, TABLE + 0.16), (*FAR, TABLE + 0.24))


def _grasp(spec: ObjectSpec, pose: Vector) -> Vector:
    """Rotation [3, 3] of the tool: it points down and closes on the narrow side of an object."""
    w, x, y, z = pose[3:]
    yaw = np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    half = spec.symmetry / 2
    nearest = (yaw + half) % spec.symmetry - half if spec.symmetry else 0.0
    return rotation(np.array([0.0, 0.0, nearest])) @ DOWN


def _matrix(quaternion: State) -> Vector:
    """Rotation matrix [3, 3] of a quaternion x, y, z, w."""
    import mujoco

    matrix = np.empty(9)
    mujoco.mju_quat2Mat(matrix, np.roll(quaternion, 1).astype(np.float64))
    return matrix.reshape(3, 3)
