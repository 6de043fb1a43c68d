"""Physics of the quadruped: 50 Hz actions, and a state that fully restores the simulation.

A state is float32 [77]: the groups system_state [45], system_contact [8] and system_termination [1]
of `pipeline.episodes.groups`, then what else the simulation needs: position of the trunk x, y, z
(m), its quaternion w, x, y, z, its velocity in the frame of the ground (m/s), the action that led
here [12], and the number of actions since the episode began.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.groups import (
    CONTACT,
    JOINTS,
    LEGS,
    OBSERVED,
    SYSTEM_STATE,
    TERMINATION,
)
from pipeline.worlds.quadruped.scene import BASE, STANDING, TIMESTEP, load

PERIOD = 0.02
"""Of an action, s."""
SUBSTEPS = round(PERIOD / TIMESTEP)
ACTION_SCALE = 0.5
"""Offset of a joint's target from the default pose at an action of 1, rad."""
PRESSED = 1.0
"""Normal force above which something counts as touching the ground, N."""
POSITION = slice(OBSERVED, OBSERVED + 3)
QUATERNION = slice(POSITION.stop, POSITION.stop + 4)
VELOCITY = slice(QUATERNION.stop, QUATERNION.stop + 3)
LAST_ACTION = slice(VELOCITY.stop, VELOCITY.stop + len(JOINTS))
"""Columns of a state behind the observed groups; after them the clock."""
CLOCK = LAST_ACTION.stop
STATE_DIM = CLOCK + 1

LINEAR = SYSTEM_STATE.part("base_linear_velocity")
ANGULAR = SYSTEM_STATE.part("base_angular_velocity")
GRAVITY = SYSTEM_STATE.part("projected_gravity")
ANGLES = SYSTEM_STATE.part("joint_position")
SPEEDS = SYSTEM_STATE.part("joint_velocity")
TORQUES = SYSTEM_STATE.part("joint_torque")
PARTS = (*(f"{leg}_THIGH" for leg in LEGS), *(f"{leg}_FOOT" for leg in LEGS), BASE)
"""Geoms whose contacts are observed, in the order of the groups."""
PRESSING = slice(CONTACT.start, TERMINATION.stop)
"""Columns of what PARTS say."""

State = NDArray[np.float32]


def standing() -> State:
    """The state [77] at rest in the default pose, at the origin; `Robot.restore` derives the rest.

    Only what a restored state is determined by is filled in.
    """
    state = np.zeros(STATE_DIM, np.float32)
    state[POSITION], state[QUATERNION] = (0, 0, STANDING), (1, 0, 0, 0)
    return state


class Robot:
    """The simulation; between actions it is determined by its float32 state, bit for bit."""

    def __init__(self) -> None:
        """Compile the model, and stand in the default pose."""
        import mujoco

        self.model = load()
        self.data = mujoco.MjData(self.model)
        self._qpos = np.array([self.model.joint(name).qposadr[0] for name in JOINTS])
        self._qvel = np.array([self.model.joint(name).dofadr[0] for name in JOINTS])
        self._parts = {self.model.geom(name).id: place for place, name in enumerate(PARTS)}
        self.state = standing()
        self.restore(self.state)

    def restore(self, state: State) -> None:
        """Set a state [77]; gravity, velocity in the body frame, torques and contacts follow."""
        import mujoco

        self.state = np.array(state, np.float32)
        data, exact = self.data, self.state.astype(np.float64)
        mujoco.mj_resetData(self.model, data)  # no warm start, which is not part of a state
        data.qpos[:7] = exact[POSITION.start : QUATERNION.stop]
        data.qvel[:3], data.qvel[3:6] = exact[VELOCITY], exact[ANGULAR]
        data.qpos[self._qpos], data.qvel[self._qvel] = exact[ANGLES], exact[SPEEDS]
        data.ctrl[:] = ACTION_SCALE * exact[LAST_ACTION]
        mujoco.mj_forward(self.model, data)
        turn = data.xmat[1].reshape(3, 3)
        self.state[LINEAR], self.state[GRAVITY] = exact[VELOCITY] @ turn, -turn[2]
        self.state[TORQUES] = data.actuator_force
        self.state[PRESSING] = self._pressed()

    def step(self, action: NDArray[np.float32], kick: NDArray[np.float64]) -> None:
        """Carry out an action [12] for 20 ms, after a sudden change of velocity `kick` [2], m/s."""
        import mujoco

        data, state = self.data, self.state.copy()
        state[LAST_ACTION] = action
        state[CLOCK] += 1
        data.ctrl[:] = ACTION_SCALE * state[LAST_ACTION].astype(np.float64)
        data.qvel[:2] += kick
        mujoco.mj_step(self.model, data, nstep=SUBSTEPS)
        state[POSITION.start : QUATERNION.stop] = data.qpos[:7]
        state[VELOCITY], state[ANGULAR] = data.qvel[:3], data.qvel[3:6]
        state[ANGLES], state[SPEEDS] = data.qpos[self._qpos], data.qvel[self._qvel]
        # Continue from the float32 state, as a replay from a recorded one must.
        self.restore(state)

    def _pressed(self) -> NDArray[np.float32]:
        """1 for each of PARTS that touches the ground, [9]."""
        import mujoco

        forces, force = np.zeros(len(PARTS)), np.zeros(6)
        for index in range(self.data.ncon):
            place = self._parts.get(int(self.data.contact.geom[index, 1]))
            if place is not None:
                mujoco.mj_contactForce(self.model, self.data, index, force)
                forces[place] += force[0]
        return (forces > PRESSED).astype(np.float32)
