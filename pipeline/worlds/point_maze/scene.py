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
INNER, INNER_END = (1.3, 2.3), 2.3
"""The ball's middle is never between these x below this y.

The wall and the ball's radius but for .1: contacts are soft, and a ball that is pressed against the
wall has nothing in its way along it.
"""

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


def walled(start: NDArray[np.float64], end: NDArray[np.float64]) -> bool:
    """Whether the wall between the arms is in the way of a ball from one position to another."""
    way = end - start
    if way[0] == 0:
        return bool(INNER[0] < start[0] < INNER[1] and min(start[1], end[1]) < INNER_END)
    times = np.sort((np.array(INNER) - start[0]) / way[0]).clip(0, 1)  # at the wall's faces
    lowest = (start[1] + way[1] * times).min()
    return bool(times[0] < times[1] and lowest < INNER_END)


def camera(model: "mujoco.MjModel", size: int, name: str) -> Camera:
    """A camera straight above the maze; `name` is a key of DISTANCES; x to the right, y up."""
    return Camera(model, (size, size), CENTRE, DISTANCES[name], azimuth=90, elevation=-90)
