"""The quadruped as a MuJoCo model: a trunk, and four legs of a hip, a thigh, a shank and a foot.

Every joint is at zero in the default pose. Nothing of the robot touches itself.
"""

from typing import TYPE_CHECKING

import numpy as np

# It chooses how MuJoCo renders for the other worlds of the process, before MuJoCo is imported.
import pipeline.worlds._shared.mujoco  # noqa: F401
from pipeline.episodes.groups import JOINTS, LEGS
from pipeline.episodes.quadruped import BEND, HIP, LIMB, OFFSET, TRUNK, end, side

if TYPE_CHECKING:
    import mujoco

TIMESTEP = 0.005
"""200 Hz, s."""
STIFFNESS, DAMPING, STRONGEST = 120.0, 4.0, 80.0
"""Of the joints' PD control, N m/rad and N m s/rad; the largest torque, N m."""
FOOT = 0.03
"""Radius of a foot, m."""
STANDING = float(2 * LIMB * np.cos(BEND) + FOOT)
"""Height of the trunk's middle in the default pose, m."""
BASE = "BASE"

MJCF = """
<mujoco model="quadruped">
  <option timestep="{timestep}" integrator="implicitfast"/>
  <default>
    <joint armature=".02" damping=".1"/>
    <geom contype="1" conaffinity="0" friction=".8"/>
    <position kp="{stiffness}" kv="{damping}" forcerange="-{strongest} {strongest}"/>
  </default>
  <worldbody>
    <geom name="FLOOR" type="plane" size="0 0 1" contype="0" conaffinity="1"/>
    <body name="trunk" pos="0 0 {standing}">
      <freejoint/>
      <geom name="BASE" type="box" size="{trunk}" mass="18"/>
      {legs}
    </body>
  </worldbody>
  <actuator>
    {motors}
  </actuator>
</mujoco>
"""
LEG = """
      <body pos="{x} {y} 0">
        <joint name="{leg}_HAA" axis="1 0 0" range="-40 40" limited="true"/>
        <geom type="sphere" size=".04" mass=".6"/>
        <body pos="0 {out} 0" quat="{swing}">
          <joint name="{leg}_HFE" axis="0 1 0"/>
          <geom name="{leg}_THIGH" type="capsule" fromto="0 0 0 0 0 -{limb}" size=".03" mass="1"/>
          <body pos="0 0 -{limb}" quat="{knee}">
            <joint name="{leg}_KFE" axis="0 1 0"/>
            <geom type="capsule" fromto="0 0 0 0 0 -{limb}" size=".02" mass=".4"/>
            <geom name="{leg}_FOOT" type="sphere" pos="0 0 -{limb}" size="{foot}" mass=".1"/>
          </body>
        </body>
      </body>"""


def load() -> "mujoco.MjModel":
    """Compile the model; its actuators are in the order of JOINTS."""
    import mujoco

    return mujoco.MjModel.from_xml_string(
        MJCF.format(
            timestep=TIMESTEP,
            stiffness=STIFFNESS,
            damping=DAMPING,
            strongest=STRONGEST,
            standing=STANDING,
            trunk=" ".join(map(str, TRUNK)),
            legs="".join(map(_leg, LEGS)),
            motors="\n    ".join(f'<position name="{n}" joint="{n}"/>' for n in JOINTS),
        )
    )


def _leg(leg: str) -> str:
    return LEG.format(
        leg=leg,
        x=end(leg) * HIP[0],
        y=side(leg) * HIP[1],
        out=side(leg) * OFFSET,
        swing=_about_y(end(leg) * BEND),
        knee=_about_y(-end(leg) * 2 * BEND),
        limb=LIMB,
        foot=FOOT,
    )


def _about_y(angle: float) -> str:
    """A quaternion w, x, y, z."""
    return f"{np.cos(angle / 2)} 0 {np.sin(angle / 2)} 0"
