"""Which joints bring the tool where it is wanted."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import mujoco

# The tool is kept in this box: clear of the table, within the arm's reach.
BOX = np.array([[0.30, -0.32, 0.322], [0.70, 0.32, 0.62]])
ROUNDS, DAMPING = 12, 0.05

Vector = NDArray[np.float64]


def rotation(angles: Vector) -> Vector:
    """Matrix [3, 3] of roll, pitch, yaw [3] about the fixed x, then y, then z axis."""
    import mujoco

    quaternion, matrix = np.empty(4), np.empty(9)
    mujoco.mju_euler2Quat(quaternion, angles, "XYZ")
    mujoco.mju_quat2Mat(matrix, quaternion)
    return matrix.reshape(3, 3)


def turned(now: Vector, aim: Vector) -> Vector:
    """The rotation [3] from one matrix to another: its axis, as long as the sine of its angle."""
    return 0.5 * np.cross(now, aim, axis=0).sum(1)


class Kinematics:
    """The arm without its forces: tool poses of joint angles, and back."""

    def __init__(self, model: "mujoco.MjModel", joints: int) -> None:
        """For the arm of the first `joints` joints, whose tool is the first site."""
        import mujoco

        self._model, self._joints = model, joints
        self._data = mujoco.MjData(model)
        self._limits = model.jnt_range[:joints].T

    def pose(self, joints: Vector) -> tuple[Vector, Vector]:
        """Position [3] and rotation matrix [3, 3] of the tool."""
        import mujoco

        self._data.qpos[: self._joints] = joints
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
        return self._data.site_xpos[0].copy(), self._data.site_xmat[0].reshape(3, 3).copy()

    def move(self, joints: Vector, way: Vector, angles: Vector) -> Vector:
        """Joints that put the tool `way` [3] further, turned by `angles` [3] in the base frame.

        Damped least squares (Wampler 1986) within the limits of the joints: as near as they go.
        """
        place, turn = self.pose(joints)
        aim_place, aim_turn = np.clip(place + way, *BOX), rotation(angles) @ turn
        for _ in range(ROUNDS):
            error = np.concatenate([aim_place - place, turned(turn, aim_turn)])
            slopes = self._slopes()
            damped = slopes @ slopes.T + DAMPING**2 * np.eye(6)
            step = slopes.T @ np.linalg.solve(damped, error)
            joints = np.clip(joints + step, *self._limits)
            place, turn = self.pose(joints)
        return joints

    def _slopes(self) -> Vector:
        """Jacobian [6, joints] of the tool's place and turn at the last pose asked for."""
        import mujoco

        place, turn = np.empty((2, 3, self._model.nv))
        mujoco.mj_jacSite(self._model, self._data, place, turn, 0)
        return np.concatenate([place, turn])[:, : self._joints]
