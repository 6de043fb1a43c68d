"""Inverse kinematics of the arm."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import mujoco

# Bounds of the tool's position: clear of the table, within the arm's reach.
WORKSPACE = np.array([[0.30, -0.32, 0.322], [0.70, 0.32, 0.62]])
ITERATIONS, DAMPING = 12, 0.05

Vector = NDArray[np.float64]


def rotation(angles: Vector) -> Vector:
    """Rotation matrix [3, 3] of roll, pitch, yaw [3] about the fixed x, then y, then z axis."""
    import mujoco

    quaternion, matrix = np.empty(4), np.empty(9)
    mujoco.mju_euler2Quat(quaternion, angles, "XYZ")
    mujoco.mju_quat2Mat(matrix, quaternion)
    return matrix.reshape(3, 3)


def rotation_error(current: Vector, target: Vector) -> Vector:
    """Rotation [3] from one matrix [3, 3] to another: axis times the sine of the angle."""
    return 0.5 * np.cross(current, target, axis=0).sum(1)


class Kinematics:
    """Forward and inverse kinematics of the arm."""

    def __init__(self, model: "mujoco.MjModel", joints: int) -> None:
        """Kinematics of the first `joints` joints; the tool is the first site of the model."""
        import mujoco

        self._model, self._joints = model, joints
        self._data = mujoco.MjData(model)
        self._limits = model.jnt_range[:joints].T

    def pose(self, joints: Vector) -> tuple[Vector, Vector]:
        """Position [3] and rotation matrix [3, 3] of the tool for joint angles [J]."""
        import mujoco

        self._data.qpos[: self._joints] = joints
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
        return self._data.site_xpos[0].copy(), self._data.site_xmat[0].reshape(3, 3).copy()

    def move(self, joints: Vector, translation: Vector, angles: Vector) -> Vector:
        """Joint angles [J] that move the tool by a translation [3] and angles [3] (base frame).

        Damped least squares (Wampler 1986) within the joint limits and the workspace: an
        unreachable pose is approached as far as possible.
        """
        position, orientation = self.pose(joints)
        target_position = np.clip(position + translation, *WORKSPACE)
        target_orientation = rotation(angles) @ orientation
        for _ in range(ITERATIONS):
            angular = rotation_error(orientation, target_orientation)
            error = np.concatenate([target_position - position, angular])
            jacobian = self._jacobian()
            damped = jacobian @ jacobian.T + DAMPING**2 * np.eye(6)
            step = jacobian.T @ np.linalg.solve(damped, error)
            joints = np.clip(joints + step, *self._limits)
            position, orientation = self.pose(joints)
        return joints

    def _jacobian(self) -> Vector:
        """Jacobian [6, J] of the tool's position and rotation at the last call of `pose`."""
        import mujoco

        position, rotation = np.empty((2, 3, self._model.nv))
        mujoco.mj_jacSite(self._model, self._data, position, rotation, 0)
        return np.concatenate([position, rotation])[:, : self._joints]
