"""Quasi-static pushing in the plane with MuJoCo's constraint solver.

Nothing has momentum: velocities are reset to zero before each step, which makes a step a least
squares projection onto the contact and bond constraints. It can neither explode nor drift, and
positions are the complete state.
"""

import numpy as np

from pipeline.worlds._shared.planar import Positions, Scene

STRIDE = 0.03  # of the pusher in one step; less than any half size
REACH = 0.9  # a pusher farther than this from all particles touches none
SETTLE_STEPS = 10  # steps after a push, in which overlaps are resolved

# With a time step of one second and stiffness 1, one step removes a violation. The Jacobian is
# dense: the sparse solver, MuJoCo's default for many particles, stops early and leaves overlaps.
MJCF = """
<mujoco>
  <option timestep="1" gravity="0 0 0" jacobian="dense"><flag refsafe="disable"/></option>
  <visual>
    <headlight ambient=".45 .45 .45" diffuse=".55 .55 .55" specular=".2 .2 .2"/>
    <quality numslices="12" numstacks="6"/>
  </visual>
  <default>
    <geom condim="1" solref="-1 -1" solimp=".99 .99 .001"/>
    <equality solref="-1 -1" solimp=".999 .999 .001"/>
  </default>
  <worldbody>
    <geom type="plane" size="20 20 1" pos="0 0 -.5" rgba=".3 .3 .32 1" conaffinity="0"/>
    <geom type="box" size="3.5 4.5 .25" pos="0 0 -.25" rgba=".63 .63 .63 1" conaffinity="0"/>
    <body name="pusher" mocap="true" pos="100 100 {height}">
      <geom type="box" size="{along} {across} .3" group="3" contype="1" conaffinity="0"/>
    </body>
    {bodies}
  </worldbody>
  {bonds}
</mujoco>
"""


def particle(name: str, rest: float, height: float, geom: str) -> str:
    """MJCF of a particle whose joints `xNAME` and `yNAME` are its position on the table.

    Bonds have their rest length when particles lie at `rest` on the x axis.
    """
    return (
        f'<body pos="{rest} 0 {height}">'
        f'<joint name="x{name}" type="slide" axis="1 0 0" ref="{rest}"/>'
        f'<joint name="y{name}" type="slide" axis="0 1 0"/>'
        f'{geom}<site name="{name}"/></body>'
    )


class Simulation:
    """Particles at rest on a table; between pushes the pusher is lifted away and not rendered."""

    def __init__(self, scene: Scene) -> None:
        """Compile the scene; particles lie in a row."""
        import mujoco

        along, across = scene.pusher
        self.model = mujoco.MjModel.from_xml_string(
            MJCF.format(
                bodies=scene.bodies,
                bonds=scene.bonds,
                height=scene.height,
                along=along,
                across=across,
            )
        )
        self.data = mujoco.MjData(self.model)

    @property
    def positions(self) -> Positions:
        """Positions of the particles [P, 2]."""
        return np.array(self.data.qpos).reshape(-1, 2)

    def set_positions(self, positions: Positions) -> None:
        """Put the particles at rest at positions [P, 2], rounded to float32."""
        import mujoco

        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:] = positions.astype(np.float32).ravel()
        mujoco.mj_forward(self.model, self.data)

    def push(self, start: Positions, end: Positions) -> None:
        """Lower the pusher at `start` [2], move it straight to `end` [2] and lift it."""
        path = end - start
        steps = int(np.ceil(np.linalg.norm(path) / STRIDE))
        angle = np.arctan2(path[1], path[0])
        self.data.mocap_quat[0] = np.cos(angle / 2), 0, 0, np.sin(angle / 2)
        particles = self.data.qpos.reshape(-1, 2)
        in_reach = False
        for step in range(1, steps + 1):
            pusher = start + path * (step / steps)
            if ((particles - pusher) ** 2).sum(1).min() < REACH**2:
                self.data.mocap_pos[0, :2] = pusher
                self._step()
                in_reach = True
        if in_reach:  # else nothing may move, not even a bent rope that would relax
            self.settle()

    def settle(self) -> None:
        """Let the particles come to rest without the pusher."""
        self.data.mocap_pos[0] = self.model.body("pusher").pos
        for _ in range(SETTLE_STEPS):
            self._step()
        self.set_positions(self.positions)

    def _step(self) -> None:
        import mujoco

        self.data.qvel[:] = 0
        mujoco.mj_step(self.model, self.data)
