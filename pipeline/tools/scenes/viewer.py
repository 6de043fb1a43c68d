"""An export in a browser: clouds over time, cameras with thumbnails, images and depth."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import DataError, ParamsError
from pipeline.tools.scenes import depth_maps
from pipeline.tools.scenes.card import AGAIN, TRUTH, ExportCard
from pipeline.tools.scenes.colmap import quaternion
from pipeline.tools.scenes.lift import Cloud, Lifting, lift_maps, read_maps
from pipeline.tools.scenes.sources import read_image, resized

if TYPE_CHECKING:
    import viser

LOOPBACK = "127.0.0.1"
THUMBNAIL = 96
"""Longer side in pixels of the image in a frustum."""
PANEL = 290
"""Width in pixels of the panel beside the scene."""
PLAIN, CHOSEN = (110, 110, 110), (255, 120, 0)
"""Colours of the frustums, and of that of the image which is shown."""


@dataclass(frozen=True, slots=True)
class Views:
    """What is shown of an export.

    Attributes:
        numbers: of its images.
        images: uint8 [H, W, 3] each.
        intrinsics: float64 [N, 4] in pixels of the images.
        poses: float64 [N, 4, 4] from world to camera.
        depth: pictures uint8 [h, w, 3] of the depth, near ones in red; empty where there is none.
        cloud: of all of them; None where there is no depth.
    """

    numbers: list[int]
    images: list[NDArray[np.uint8]]
    intrinsics: NDArray[np.float64]
    poses: NDArray[np.float64]
    depth: list[NDArray[np.uint8]]
    cloud: Cloud | None

    def eyes(self) -> NDArray[np.float64]:
        """Where the cameras are, [N, 3]."""
        rotations, moves = self.poses[:, :3, :3], self.poses[:, :3, 3]
        return -np.einsum("nij,ni->nj", rotations, moves)

    def up(self) -> NDArray[np.float64]:
        """The mean of the cameras' directions upwards, [3]."""
        up = -self.poses[:, 1, :3].mean(0)
        return up / max(float(np.linalg.norm(up)), 1e-9)

    def reach(self) -> float:
        """How large the scene is."""
        points = self.eyes() if self.cloud is None else self.cloud.points
        return max(float(np.linalg.norm(np.ptp(points, axis=0))), 1e-3)


def views(folder: Path, card: ExportCard, lifting: Lifting | None) -> Views:
    """Read what is shown; without `lifting`, of images and cameras alone.

    Raises:
        DataError: nobody knows where the images were seen from, or a file is damaged.
        ParamsError: there is no such depth.
    """
    by_number = {} if lifting is None else read_maps(folder, card, lifting)
    numbers = list(range(len(card.frames)) if lifting is None else by_number)
    images = [read_image(folder / card.frames[number].file, AGAIN) for number in numbers]
    if lifting is None:
        intrinsics, poses = card.intrinsics(), card.poses()
        if intrinsics is None or poses is None:
            raise DataError(
                f"{folder}: its cameras are unknown and it has no depth, so that nothing has a "
                "place; estimate both by `wm depth`"
            )
        return Views(numbers, images, intrinsics, poses, [], None)
    maps = list(by_number.values())
    scale = [[card.width / each.depth.shape[1], card.height / each.depth.shape[0]] for each in maps]
    return Views(
        numbers=numbers,
        images=images,
        intrinsics=np.stack([each.intrinsics for each in maps]) * np.tile(scale, 2),
        poses=np.stack([each.pose for each in maps]),
        depth=coloured([each.depth for each in maps]),
        cloud=lift_maps(folder, by_number, lifting),
    )


def default_depth(folder: Path, name: str | None) -> str | None:
    """The depth that is shown: what is named, else the true one, else the first; None if none."""
    known = depth_maps.names(folder)
    return name or (TRUTH if TRUTH in known else next(iter(known), None))


def coloured(maps: list[NDArray[np.float32]]) -> list[NDArray[np.uint8]]:
    """Depth maps [h, w] as pictures on one scale: near red, far blue, nothing black."""
    from matplotlib import colormaps

    known = np.concatenate([each[np.isfinite(each) & (each > 0)] for each in maps])
    near, far = np.percentile(known, [1, 99])
    pictures = []
    for each in maps:
        nearness = (far - each) / max(float(far - near), 1e-9)
        picture = 255 * colormaps["turbo"](np.clip(nearness, 0, 1))[..., :3]
        picture[~(np.isfinite(each) & (each > 0))] = 0
        pictures.append(picture.astype(np.uint8))
    return pictures


def enlarged(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture [h, w, 3] with its pixels repeated, until it is about as wide as the panel."""
    times = max(1, round(PANEL / picture.shape[1]))
    return picture.repeat(times, 0).repeat(times, 1)


@dataclass
class Viewer:
    """A server of one export, for browsers on this machine alone.

    Attributes:
        shown: the export.
        port: to listen on, or the next free one.
        fps: images a second while the timeline plays.
    """

    shown: Views
    port: int
    fps: float
    server: "viser.ViserServer" = field(init=False)

    def __post_init__(self) -> None:
        """Start to serve.

        Raises:
            ParamsError: viser is not installed.
        """
        try:
            import viser
        except ImportError:
            raise ParamsError(
                "wm view shows scenes by viser, which is not installed: `pip install -e "
                "'.[viewer]'`"
            ) from None
        self.server = viser.ViserServer(LOOPBACK, self.port, label="wm view", verbose=False)
        self._reach = self.shown.reach()
        self._clouds: list[Any] = []
        self._frustums: list[Any] = []
        self._look()
        self._add_clouds()
        self._add_cameras()
        self._add_panel()
        self.show(0)

    @property
    def url(self) -> str:
        """Where it is to be seen."""
        return f"http://{LOOPBACK}:{self.server.get_port()}"

    def serve(self) -> None:
        """Let the timeline go on while it plays, until Ctrl-C."""
        try:
            while True:
                time.sleep(1 / self.fps)
                if self.playing.value:
                    self.timeline.value = (self.timeline.value + 1) % len(self.shown.numbers)
        except KeyboardInterrupt:
            self.server.stop()

    def show(self, place: int) -> None:
        """Show the image at a place of the timeline, its depth, its camera and its cloud."""
        for number, cloud in enumerate(self._clouds):
            cloud.visible = number <= place if self.accumulate.value else number == place
        for number, frustum in enumerate(self._frustums):
            frustum.visible = self.cameras.value
            frustum.color = CHOSEN if number == place else PLAIN
        self.image.image = enlarged(self.shown.images[place])
        if self.shown.depth:
            self.depth.image = enlarged(self.shown.depth[place])

    def _look(self) -> None:
        """Begin behind the first camera and above it, from where the way of all is seen."""
        size, up = self._reach, self.shown.up()
        eye, ahead = self.shown.eyes()[0], self.shown.poses[0, 2, :3]
        self.server.scene.set_up_direction(up)
        self.server.initial_camera.position = eye + size * (0.12 * up - 0.25 * ahead)
        self.server.initial_camera.look_at = eye + 0.3 * size * ahead

    def _add_clouds(self) -> None:
        cloud = self.shown.cloud
        if cloud is None:
            return
        # In float16, in which viser sends points, what is far from the origin would fall together.
        for number in self.shown.numbers:
            own = cloud.frames == number
            handle = self.server.scene.add_point_cloud(
                f"/clouds/{number:06d}",
                cloud.points[own],
                cloud.colours[own],
                point_size=0.002 * self._reach,
                point_shape="square",
                precision="float32",
            )
            self._clouds.append(handle)

    def _add_cameras(self) -> None:
        shown = self.shown
        rows = zip(shown.images, shown.intrinsics, shown.poses, shown.eyes(), strict=True)
        for number, (image, (_, fy, _, _), pose, eye) in enumerate(rows):
            height, width = image.shape[:2]
            shrink = THUMBNAIL / max(height, width)
            small = max(1, round(height * shrink)), max(1, round(width * shrink))
            handle = self.server.scene.add_camera_frustum(
                f"/cameras/{self.shown.numbers[number]:06d}",
                fov=2 * float(np.arctan(height / 2 / fy)),
                aspect=width / height,
                scale=0.015 * self._reach,
                thickness=1.5,
                thickness_units="screen",
                image=resized(image, small),
                wxyz=quaternion(pose[:3, :3].T),
                position=eye,
            )
            handle.on_click(lambda _, number=number: setattr(self.timeline, "value", number))
            self._frustums.append(handle)

    def _add_panel(self) -> None:
        gui, last = self.server.gui, len(self.shown.numbers) - 1
        self.timeline = gui.add_slider("Image", 0, max(last, 1), 1, 0, disabled=last == 0)
        self.playing = gui.add_checkbox("Play", initial_value=False)
        self.accumulate = gui.add_checkbox("Clouds up to here", initial_value=False)
        self.cameras = gui.add_checkbox("Cameras", initial_value=True)
        self.image = gui.add_image(enlarged(self.shown.images[0]), label="Image")
        if self.shown.depth:
            self.depth = gui.add_image(enlarged(self.shown.depth[0]), label="Depth, near in red")
        for control in (self.timeline, self.accumulate, self.cameras):
            control.on_update(lambda _: self.show(min(int(self.timeline.value), last)))
