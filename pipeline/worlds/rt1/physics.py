"""Physics of the arm: 3 Hz actions, and a state that fully restores the simulation.

A state is float32 [82]: `observation.state` [8], the tool's x, y, z (m), its quaternion x, y, z, w
and how far the gripper is closed (0..1); then `environment_state` [74]: MuJoCo's qpos [36] and qvel
[32] of the arm's joints, the fingers and the objects, and the commanded joint angles [6].
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.worlds.rt1.kinematics import Kinematics, Vector
from pipeline.worlds.rt1.scene import OBJECTS, OPENING, TIMESTEP, mjcf

RATE = 3  # Hz, of actions
SUBSTEPS = round(1 / (RATE * TIMESTEP))
JOINTS = 6
NQ = JOINTS + 2 + 7 * len(OBJECTS)
NV = JOINTS + 2 + 6 * len(OBJECTS)
OBSERVED = 8
STATE_DIM = OBSERVED + NQ + NV + JOINTS

State = NDArray[np.float32]


def object_poses(state: State) -> State:
    """Position x, y, z and quaternion w, x, y, z of every object, [4, 7]."""
    first = OBSERVED + JOINTS + 2
    return state[first : first + 7 * len(OBJECTS)].reshape(-1, 7)


def at_rest(joints: Vector, poses: Vector) -> State:
    """The static state [82] of joint angles [6], object poses [4, 7] and an open gripper.

    `observation.state` is left zero: `Arm.set_state` ignores it.
    """
    fingers, observed, qvel = np.full(2, OPENING), np.zeros(OBSERVED), np.zeros(NV)
    values = [observed, joints, fingers, poses.ravel(), qvel, joints]
    return np.concatenate(values, dtype=np.float32)


class Arm:
    """The simulation; between actions it is determined by its float32 state, bit for bit."""

    def __init__(self, height: int, width: int) -> None:
        """Compile the scene for frames of `height` x `width` pixels."""
        import mujoco

        self.model = mujoco.MjModel.from_xml_string(mjcf(height, width))
        self.data = mujoco.MjData(self.model)
        self._kinematics = Kinematics(self.model, JOINTS)
        self._command: Vector = np.zeros(JOINTS)

    def set_state(self, state: State) -> None:
        """Restore a state [82]; nothing of the past is kept, not even the warm start.

        `observation.state` [8] follows from the rest and is ignored.
        """
        import mujoco

        environment = np.array(state, np.float64)[OBSERVED:]
        qpos, qvel, self._command = np.split(environment, [NQ, NQ + NV])
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:], self.data.qvel[:] = qpos, qvel
        mujoco.mj_forward(self.model, self.data)

    def state(self) -> State:
        """The current state [82]."""
        import mujoco

        quaternion = np.empty(4)
        mujoco.mju_mat2Quat(quaternion, self.data.site_xmat[0])
        closed = 1 - self.data.qpos[JOINTS : JOINTS + 2].mean() / OPENING
        observed = [*self.data.site_xpos[0], *np.roll(quaternion, -1), closed]
        values = [observed, self.data.qpos, self.data.qvel, self._command]
        return np.concatenate(values, dtype=np.float32)

    def step(self, action: NDArray[np.float32]) -> None:
        """Carry out an action [7] for a third of a second.

        Relative to the commanded joint angles, not to a pose: unreachable motion does not add up.
        """
        import mujoco

        translation, angles, grip = np.split(np.asarray(action, np.float64), [3, 6])
        self._command = self._kinematics.move(self._command, translation, angles)
        self.data.ctrl[:JOINTS] = self._command
        self.data.ctrl[JOINTS] = OPENING * np.clip(grip[0], 0, 1)
        mujoco.mj_step(self.model, self.data, nstep=SUBSTEPS)
        # Continue from the float32 state, as a replay from a recorded one must.
        self.set_state(self.state())
