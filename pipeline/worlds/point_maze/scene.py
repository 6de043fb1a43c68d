"""The U-maze of D4RL's maze2d as a MuJoCo model (Fu et al. 2020, `pointmaze/maze_model.py`).

Cell (i, j) of the layout is the unit square around x = i + 1, y = j + 1. The origin of the ball's
position is at (1.2, 1.2); it moves freely in .4..3.2 along both axes.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.worlds._shared.mujoco import Camera

if TYPE_CHECKING:
    import mujoco

LAYOUT = ("#####", "#...#", "###.#", "#...#", "#####")
ORIGIN = 1.2
CENTRE = (3.0, 3.0, 0.0)
MIDDLE, END = 1.8, 2.3
"""x of the middle of the wall between the arms; y at which they end, short of its corner by .1."""

# mujoco-py rendered the published frames from MjModel.stat.extent above the centre.
DISTANCES = {"full": 6.3, "legacy": 9.735}

# As in D4RL, without what no frame shows: the sky, the target, and contacts with the ground, which
# cannot push a ball that slides along x and y. No shadows or multisampling, to save time.
MJCF = """
<mujoco>
  <option timestep="0.01" gravity="0 0 0" iterations="20" integrator="Euler"/>
  <default>
    <joint type="slide" damping="1" limited="false"/>
    <geom friction=".5 .1 .1" density="1000" margin="0.002" condim="1"/>
    <motor ctrlrange="-1 1" ctrllimited="true" gear="100"/>
  </default>
  <visual>
    <headlight ambient=".4 .4 .4" diffuse=".8 .8 .8" specular=".1 .1 .1"/>
    <map znear=".01"/>
    <quality shadowsize="0" offsamples="0"/>
  </visual>
  <asset>
    <texture name="ground" type="2d" builtin="checker" rgb1=".2 .3 .4" rgb2=".1 .2 .3"
             width="100" height="100"/>
    <material name="ground" texture="ground" texrepeat="20 20"/>
    <material name="wall" rgba=".7 .5 .3 1"/>
  </asset>
  <worldbody>
    <geom type="plane" size="40 40 .25" pos="0 0 -.1" material="ground"
          contype="0" conaffinity="0"/>
    <body pos="{origin} {origin} 0">
      <joint name="x" axis="1 0 0"/>
      <joint name="y" axis="0 1 0"/>
      <geom type="sphere" size=".1" rgba="0 0 0 0"/>
      <site size=".2" rgba=".3 .6 .3 1"/>
    </body>
    {walls}
  </worldbody>
  <actuator>
    <motor joint="x"/>
    <motor joint="y"/>
  </actuator>
</mujoco>
"""


def load() -> "mujoco.MjModel":
    """Compile the maze; the ball is at cell (.2, .2) where its joints are 0."""
    import mujoco

    walls = "\n".join(
        f'<geom type="box" size=".5 .5 .2" pos="{i + 1} {j + 1} 0" material="wall"/>'
        for i, row in enumerate(LAYOUT)
        for j, cell in enumerate(row)
        if cell == "#"
    )
    return mujoco.MjModel.from_xml_string(MJCF.format(origin=ORIGIN, walls=walls))


def arm(position: NDArray[np.floating]) -> int:
    """In which arm a position x, y is: -1 in the left one, 1 in the right one, 0 in the base."""
    return 0 if position[1] >= END else int(np.sign(position[0] - MIDDLE))


def camera(model: "mujoco.MjModel", size: int, name: str) -> Camera:
    """A camera straight above the maze; `name` is a key of DISTANCES; x to the right, y up."""
    return Camera(model, (size, size), CENTRE, DISTANCES[name], azimuth=90, elevation=-90)
