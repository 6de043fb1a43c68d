#!/usr/bin/env bash
# mujoco 4.0.0: a ray ends where a plane is drawn, a body rests where it is not.
#
# A plane of finite size holds bodies everywhere, for contacts take it as infinite. Rays (mj_ray, mj_multiRay,
# the rangefinder) take its size: past the edge they hit nothing and answer -1. So a body at rest on a
# floor stands over a void by its own rangefinder, and depth cast by rays has no floor there. A half-size of 0
# makes the plane infinite for both.
#
# Installs the pinned packages into a temporary folder, and fails if what is seen changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mujoco==4.0.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import mujoco
import numpy as np

MODEL = """
<mujoco>
  <worldbody>
    <geom name="floor" type="plane" size="{half} {half} .1"/>
    <body name="ball" pos="{x} 0 .3">
      <freejoint/>
      <geom type="sphere" size=".1"/>
      <site name="below" zaxis="0 0 -1"/>
    </body>
  </worldbody>
  <sensor><rangefinder site="below"/></sensor>
</mujoco>
"""


def rest(half: float, x: float) -> tuple[float, float, float]:
    """Drop a ball at x on a floor: its height at rest, its rangefinder's and a ray's answer."""
    model = mujoco.MjModel.from_xml_string(MODEL.format(half=half, x=x))
    data = mujoco.MjData(model)
    for _ in range(2000):
        mujoco.mj_step(model, data)
    geom = np.zeros(1, np.int32)
    start, down = np.array([x, 0.5, 2.0]), np.array([0.0, 0.0, -1.0])
    ray = mujoco.mj_ray(model, data, start, down, None, 1, -1, geom)
    return float(data.qpos[2]), float(data.sensordata[0]), ray


print(f"mujoco {mujoco.__version__}")
for half, x, hit in ((1, 0.5, True), (1, 3, False), (0, 3, True)):
    height, found, ray = rest(half, x)
    print(f"half-size {half}, x = {x}: rests at {height:.3f} m, rangefinder {found:.3f} m, ray {ray:.3f} m")
    assert abs(height - 0.1) < 0.001, "it rested on the floor"
    assert (ray == 2.0) if hit else (ray == -1), "it saw the floor within its size alone"
    assert (abs(found - 0.1) < 0.001) if hit else (found == -1), "so did the rangefinder"
PYTHON
