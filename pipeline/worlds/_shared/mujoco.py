"""Off-screen rendering of MuJoCo scenes."""

import os
import sys
import weakref
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.cameras import Cameras, ahead, looking
from pipeline.errors import ParamsError

if TYPE_CHECKING:
    import mujoco

if sys.platform == "linux":
    os.environ.setdefault("MUJOCO_GL", "egl")  # read when mujoco is first imported


class Camera:
    """A fixed camera and its off-screen renderer."""

    def __init__(
        self,
        model: "mujoco.MjModel",
        size: tuple[int, int],
        lookat: tuple[float, float, float],
        distance: float,
        azimuth: float,
        elevation: float,
    ) -> None:
        """Open a renderer.

        Args:
            model: the scene.
            size: (height, width) of frames in pixels.
            lookat: point at the centre of the frame, in scene units.
            distance: of the camera from `lookat`, in scene units.
            azimuth: of the viewing direction, in degrees.
            elevation: of the viewing direction, in degrees.

        Raises:
            ParamsError: OpenGL is not available on this machine.
        """
        import mujoco

        self.camera = mujoco.MjvCamera()
        self.camera.lookat[:] = lookat
        self.camera.distance = distance
        self.camera.azimuth, self.camera.elevation = azimuth, elevation
        buffer = model.vis.global_  # 480 x 640 by default
        self.fovy = float(buffer.fovy)
        buffer.offheight, buffer.offwidth = (
            max(buffer.offheight, size[0]),
            max(buffer.offwidth, size[1]),
        )
        try:
            self.renderer = mujoco.Renderer(model, *size)
        except (RuntimeError, ImportError, AttributeError, mujoco.FatalError) as error:
            raise ParamsError(
                f"MuJoCo cannot render with MUJOCO_GL={os.environ.get('MUJOCO_GL', '')} ({error}); "
                "install libegl1 and libgl1-mesa-dri, or set MUJOCO_GL to osmesa or glfw"
            ) from None
        # Closed with its camera or before Python exits; after that, closing raises.
        weakref.finalize(self, self.renderer.close)

    def render(self, data: "mujoco.MjData") -> NDArray[np.uint8]:
        """One frame, uint8 [H, W, 3] RGB."""
        self.renderer.update_scene(data, self.camera)
        return self.renderer.render()

    def depth(self, data: "mujoco.MjData") -> NDArray[np.float32]:
        """Depth of one frame along the optical axis, float32 [H, W], as exact as a z-buffer."""
        self.renderer.enable_depth_rendering()
        try:
            self.renderer.update_scene(data, self.camera)
            return self.renderer.render().copy()
        finally:
            self.renderer.disable_depth_rendering()

    def pinholes(self, count: int, depth: NDArray[np.float32] | None) -> Cameras:
        """This camera for as many frames, whose depth [count, H, W] may be known."""
        azimuth, elevation = np.radians([self.camera.azimuth, self.camera.elevation])
        eye = self.camera.lookat - self.camera.distance * ahead(azimuth, elevation)
        pose = looking(eye, azimuth, elevation)
        height, width = self.renderer.height, self.renderer.width
        focal = height / 2 / np.tan(np.radians(self.fovy) / 2)
        row = [focal, focal, width / 2, height / 2]
        return Cameras(np.tile(row, (count, 1)), np.tile(pose, (count, 1, 1)), depth)
