"""Quasi-static pushing in the plane, by MuJoCo's constraint solver.

Nothing has momentum: velocities are zero when a step begins, so that each step is a projection.
Particles move by the least sum of squares that keeps contacts apart and bonds at length. That can
neither explode nor drift, and positions are the complete state.
"""

import numpy as np

from pipeline.worlds._shared.planar import Places, Scene

STRIDE = 0.03  # of the pusher in one step; less than any half size
REACH = 0.9  # a pusher farther from all particles touches none
SETTLE = 10  # steps after a push, in which what overlaps moves apart

# With steps of one second and stiffness 1 a violation is gone after a step. The solver is dense,
# for the sparse one that MuJoCo takes for many particles stops early and leaves them overlapping.
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
    """MJCF of a particle whose joints `xNAME` and `yNAME` are its place on the table.

    Bonds have their proper length when particles lie at `rest` on the x axis.
    """
    return (
        f'<body pos="{rest} 0 {height}">'
        f'<joint name="x{name}" type="slide" axis="1 0 0" ref="{rest}"/>'
        f'<joint name="y{name}" type="slide" axis="0 1 0"/>'
        f'{geom}<site name="{name}"/></body>'
    )


class Simulation:
    """A table with particles at rest between pushes; the pusher is lifted away and not drawn."""

    def __init__(self, scene: Scene) -> None:
        """Particles lie in a row."""
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
    def places(self) -> Places:
        """Where the particles are [P, 2]."""
        return np.array(self.data.qpos).reshape(-1, 2)

    def place(self, places: Places) -> None:
        """Put the particles at rest at places [P, 2], rounded to what float32 can say."""
        import mujoco

        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:] = places.astype(np.float32).ravel()
        mujoco.mj_forward(self.model, self.data)

    def push(self, start: Places, end: Places) -> None:
        """Lower the pusher at `start` [2], move it straight to `end` [2] and lift it."""
        path = end - start
        steps = int(np.ceil(np.linalg.norm(path) / STRIDE))
        angle = np.arctan2(path[1], path[0])
        self.data.mocap_quat[0] = np.cos(angle / 2), 0, 0, np.sin(angle / 2)
        particles = self.data.qpos.reshape(-1, 2)
        came_near = False
        for step in range(1, steps + 1):
            pusher = start + path * (step / steps)
            if ((particles - pusher) ** 2).sum(1).min() < REACH**2:
                self.data.mocap_pos[0, :2] = pusher
                self._step()
                came_near = True
        if came_near:  # else nothing moves, not even a bent rope
            self.settle()

    def settle(self) -> None:
        """Come to rest without the pusher."""
        self.data.mocap_pos[0] = self.model.body("pusher").pos
        for _ in range(SETTLE):
            self._step()
        self.place(self.places)

    def _step(self) -> None:
        import mujoco

        self.data.qvel[:] = 0
        mujoco.mj_step(self.model, self.data)
