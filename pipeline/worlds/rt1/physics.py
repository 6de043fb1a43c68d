"""The arm's physics: what a 3 Hz action does, and a state that holds all there is to know.

A state is float32 [82]: `observation.state` [8], which is the tool's x, y, z (m), its quaternion
x, y, z, w and how far the gripper is closed (0..1); then `environment_state` [74]: positions [36]
and velocities [32] of the arm's joints, the fingers and the objects, and commanded joints [6].
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.worlds.rt1.kinematics import Kinematics, Vector
from pipeline.worlds.rt1.scene import OPENING, THINGS, TIMESTEP, mjcf

RATE = 3  # actions a second
SUBSTEPS = round(1 / (RATE * TIMESTEP))
JOINTS = 6
PLACES = JOINTS + 2 + 7 * len(THINGS)
SPEEDS = JOINTS + 2 + 6 * len(THINGS)
OBSERVED = 8
STATE_DIM = OBSERVED + PLACES + SPEEDS + JOINTS

State = NDArray[np.float32]


def things(state: State) -> State:
    """Position x, y, z and quaternion w, x, y, z of every object, [4, 7]."""
    first = OBSERVED + JOINTS + 2
    return state[first : first + 7 * len(THINGS)].reshape(-1, 7)


def at_rest(joints: Vector, places: Vector) -> State:
    """The state [82] with the arm at joints [6], gripper open, and objects at places [4, 7].

    What is observed is left at zero: `Arm.write` does not need it, `Arm.read` supplies it.
    """
    fingers, observed, speeds = np.full(2, OPENING), np.zeros(OBSERVED), np.zeros(SPEEDS)
    values = [observed, joints, fingers, places.ravel(), speeds, joints]
    return np.concatenate(values, dtype=np.float32)


class Arm:
    """The simulation. Between actions it is a function of its float32 state, bit for bit."""

    def __init__(self, height: int, width: int) -> None:
        """Compile the scene for frames of `height` x `width` pixels."""
        import mujoco

        self.model = mujoco.MjModel.from_xml_string(mjcf(height, width))
        self.data = mujoco.MjData(self.model)
        self._kinematics = Kinematics(self.model, JOINTS)
        self._command: Vector = np.zeros(JOINTS)

    def write(self, state: State) -> None:
        """Put the simulation into a state [82]; nothing of its past is left, warm start included.

        What is observed [8] follows from the rest and is not read.
        """
        import mujoco

        environment = np.asarray(state, np.float64)[OBSERVED:]
        places, speeds, self._command = np.split(environment, [PLACES, PLACES + SPEEDS])
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:], self.data.qvel[:] = places, speeds
        mujoco.mj_forward(self.model, self.data)

    def read(self) -> State:
        """The present state [82]."""
        import mujoco

        turn = np.empty(4)
        mujoco.mju_mat2Quat(turn, self.data.site_xmat[0])
        closed = 1 - self.data.qpos[JOINTS : JOINTS + 2].mean() / OPENING
        observed = [*self.data.site_xpos[0], *np.roll(turn, -1), closed]
        values = [observed, self.data.qpos, self.data.qvel, self._command]
        return np.concatenate(values, dtype=np.float32)

    def step(self, action: NDArray[np.float32]) -> None:
        """Carry out an action [7] for a third of a second; see `pipeline.worlds.rt1`.

        The joints, not the pose, are what stays commanded: what is out of reach is not saved up.
        """
        import mujoco

        way, angles, grip = np.split(np.asarray(action, np.float64), [3, 6])
        self._command = self._kinematics.move(self._command, way, angles)
        self.data.ctrl[:JOINTS] = self._command
        self.data.ctrl[JOINTS] = OPENING * np.clip(grip[0], 0, 1)
        mujoco.mj_step(self.model, self.data, nstep=SUBSTEPS)
        # A replay has only the recorded state to go on from, so go on from that here too.
        self.write(self.read())
