"""Rendering MuJoCo scenes without a screen."""

import os
import sys
import weakref
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ParamsError

if TYPE_CHECKING:
    import mujoco

if sys.platform == "linux":
    os.environ.setdefault("MUJOCO_GL", "egl")  # read when mujoco is first imported


class Camera:
    """Looks at a scene from one place."""

    def __init__(
        self,
        model: "mujoco.MjModel",
        size: tuple[int, int],
        lookat: tuple[float, float, float],
        distance: float,
        azimuth: float,
        elevation: float,
    ) -> None:
        """Open a renderer of `size` (height, width) in pixels; angles are in degrees.

        Raises:
            ParamsError: this machine cannot draw.
        """
        import mujoco

        self.camera = mujoco.MjvCamera()
        self.camera.lookat[:] = lookat
        self.camera.distance = distance
        self.camera.azimuth, self.camera.elevation = azimuth, elevation
        buffer = model.vis.global_  # MuJoCo's own is 480 x 640
        buffer.offheight, buffer.offwidth = (
            max(buffer.offheight, size[0]),
            max(buffer.offwidth, size[1]),
        )
        try:
            self.renderer = mujoco.Renderer(model, *size)
        except (RuntimeError, ImportError, AttributeError, mujoco.FatalError) as error:
            raise ParamsError(
                f"MuJoCo cannot draw with MUJOCO_GL={os.environ.get('MUJOCO_GL', '')} ({error}); "
                "install libegl1 and libgl1-mesa-dri, or set MUJOCO_GL to osmesa or glfw"
            ) from None
        # Closed with its camera, or before Python exits: afterwards it would complain.
        weakref.finalize(self, self.renderer.close)

    def render(self, data: "mujoco.MjData") -> NDArray[np.uint8]:
        """One frame, [H, W, 3] RGB."""
        self.renderer.update_scene(data, self.camera)
        return self.renderer.render()
