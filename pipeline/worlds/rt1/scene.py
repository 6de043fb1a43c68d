"""The scene as MJCF: a 6-DoF arm with a two-finger gripper, a table, four coloured objects.

Units are metres; the origin is the base of the arm, x points across the table, z up.
"""

from dataclasses import dataclass

TABLE = 0.3  # height of its top
NEAR, FAR = (0.40, -0.20), (0.62, 0.20)  # corners, xy, of the area in which objects start
OPENING = 0.05  # travel of one finger from closed to open
TIMESTEP = 0.004


@dataclass(frozen=True, slots=True)
class ObjectSpec:
    """An object that can be picked up.

    Attributes:
        name: in task instructions.
        colour: red, green, blue in 0..1.
        shape: type of its MuJoCo geom.
        size: half sizes of its geom, m.
        height: of its centre above its support, m.
        symmetry: angle of rotation about z that maps it to itself, rad; 0 if round.
    """

    name: str
    colour: str
    shape: str
    size: str
    height: float
    symmetry: float


OBJECTS = (
    ObjectSpec("red can", ".82 .10 .10", "cylinder", ".031 .045", 0.045, 0.0),
    ObjectSpec("green apple", ".30 .68 .15", "sphere", ".034", 0.034, 0.0),
    ObjectSpec("blue block", ".12 .32 .85", "box", ".027 .027 .027", 0.027, 1.5707963),
    ObjectSpec("yellow sponge", ".96 .80 .14", "box", ".045 .028 .022", 0.022, 3.1415927),
)


def mjcf(height: int, width: int) -> str:
    """The scene, for frames of up to `height` x `width` pixels."""
    return f"""
<mujoco model="rt1">
  <compiler angle="radian"/>
  <option timestep="{TIMESTEP}" integrator="implicitfast" cone="elliptic" impratio="10"/>
  <visual>
    <global offwidth="{width}" offheight="{height}"/>
    <quality offsamples="0"/>
    <headlight ambient=".38 .38 .38" diffuse=".3 .3 .3" specular="0 0 0"/>
  </visual>
  {DEFAULTS}
  <worldbody>
    <light pos=".2 -.6 2" dir=".1 .3 -1" diffuse=".55 .55 .55" specular="0 0 0"
           directional="true" castshadow="false"/>
    <geom type="plane" size="12 12 .1" rgba=".53 .55 .57 1"/>
    <geom type="box" size=".27 .36 .02" pos=".53 0 {TABLE - 0.02}" rgba=".74 .58 .42 1"
          condim="4" friction="1 .01 .001"/>
    <geom type="box" size=".23 .32 .13" pos=".53 0 .13" rgba=".4 .38 .37 1"/>
    {ARM}
    {"".join(map(_object_mjcf, OBJECTS))}
  </worldbody>
  {MOTORS}
</mujoco>"""


def _object_mjcf(spec: ObjectSpec) -> str:
    return f"""
    <body name="{spec.name}">
      <freejoint/>
      <geom class="thing" type="{spec.shape}" size="{spec.size}" rgba="{spec.colour} 1"/>
    </body>"""


def _finger(name: str, side: int) -> str:
    return f"""
              <body name="{name}" gravcomp="1" pos=".09 {side * 0.006} 0">
                <joint name="{name}" type="slide" axis="0 {side} 0" range="0 {OPENING}"
                       armature=".05" damping="2"/>
                <geom class="finger" pos=".04 0 0" size=".045 .006 .013" mass=".03"/>
              </body>"""


# The arm's links collide with nothing: they stay above the table, and only fingers touch objects.
DEFAULTS = """
  <default>
    <geom rgba=".86 .87 .89 1"/>
    <default class="arm">
      <geom contype="0" conaffinity="0"/>
      <joint armature=".1" damping="1"/>
    </default>
    <default class="joint">
      <geom type="cylinder" rgba=".25 .27 .31 1" contype="0" conaffinity="0" mass=".2"/>
    </default>
    <default class="finger">
      <geom type="box" rgba=".16 .17 .2 1" condim="4" friction="2 .05 .001" conaffinity="2"/>
    </default>
    <default class="thing">
      <geom mass=".12" condim="6" friction="1 .01 .002" contype="3" conaffinity="1"/>
    </default>
  </default>"""

ARM = f"""
    <body name="arm" childclass="arm" gravcomp="1">
      <geom type="cylinder" size=".085 .205" pos="0 0 .205" rgba=".35 .37 .41 1"/>
      <body pos="0 0 .42" gravcomp="1">
        <joint name="pan" axis="0 0 1" range="-2.6 2.6"/>
        <geom type="cylinder" size=".07 .035" pos="0 0 .025" mass="2"/>
        <body pos="0 0 .10" gravcomp="1">
          <joint name="lift" axis="0 1 0" range="-1.2 1.8"/>
          <geom class="joint" size=".058 .062" zaxis="0 1 0"/>
          <geom type="capsule" size=".045" fromto="0 0 0 0 0 .38" mass="1.5"/>
          <body pos="0 0 .38" gravcomp="1">
            <joint name="elbow" axis="0 1 0" range="-1.5 1.6"/>
            <geom class="joint" size=".05 .054" zaxis="0 1 0"/>
            <geom type="capsule" size=".038" fromto="0 0 0 .2 0 0" mass=".8"/>
            <body pos=".2 0 0" gravcomp="1">
              <joint name="twist" axis="1 0 0" range="-2.8 2.8"/>
              <geom type="capsule" size=".034" fromto="0 0 0 .16 0 0" mass=".5"/>
              <body pos=".16 0 0" gravcomp="1">
                <joint name="bend" axis="0 1 0" range="-2 2"/>
                <geom class="joint" size=".036 .042" zaxis="0 1 0"/>
                <geom type="cylinder" size=".028" fromto="0 0 0 .05 0 0" mass=".2"/>
                <body pos=".04 0 0" gravcomp="1">
                  <joint name="turn" axis="1 0 0" range="-3.1 3.1"/>
                  <geom type="box" size=".02 .062 .022" pos=".035 0 0" rgba=".25 .27 .31 1"
                        mass=".2"/>
                  <site name="tool" pos=".155 0 0" rgba="0 0 0 0"/>
                  {_finger("left", 1)}
                  {_finger("right", -1)}
                </body>
              </body>
            </body>
          </body>
        </body>
      </body>
    </body>"""

MOTORS = """
  <equality>
    <joint joint1="left" joint2="right"/>
  </equality>
  <actuator>
    <position joint="pan" kp="300" dampratio="1"/>
    <position joint="lift" kp="300" dampratio="1"/>
    <position joint="elbow" kp="200" dampratio="1"/>
    <position joint="twist" kp="80" dampratio="1"/>
    <position joint="bend" kp="80" dampratio="1"/>
    <position joint="turn" kp="80" dampratio="1"/>
    <position joint="left" kp="400" dampratio="1" forcerange="-15 15"/>
  </actuator>"""
