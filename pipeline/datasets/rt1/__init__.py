"""RT-1's `fractal20220817_data` as a LeRobot set: 3 frames a second, one camera, 7 action values.

LeRobot v2.0, v2.1 and v3.0 are read, any set of theirs with actions and a camera; v2.1 is written.
Actions: x, y, z in m, roll, pitch, yaw in rad, all relative, and the gripper's opening, absolute.
States: x, y, z in m, a quaternion x, y, z, w, and the gripper's closing.
"""

from collections.abc import Iterable
from pathlib import Path

from pydantic import Field

from pipeline.datasets import DatasetOptions
from pipeline.datasets._shared.folder import require
from pipeline.datasets._shared.lerobot.source import Episodes, open_folder
from pipeline.datasets._shared.lerobot.write import write
from pipeline.episodes.episode import Episode


class Options(DatasetOptions):
    """Where the set lies, which camera is seen, and how models are fed from it."""

    video: str = Field(min_length=1, description="the camera, a feature of meta/info.json")


def build(options: Options) -> "LeRobot":
    """The layout's reader and writer."""
    return LeRobot(options.video)


class LeRobot:
    """See `pipeline.datasets.Dataset`."""

    interval = 1

    def __init__(self, camera: str) -> None:
        """A reader and writer of the frames of one camera."""
        self.camera = camera

    def write(self, episodes: Iterable[Episode], raw: Path) -> None:
        """Write episodes as LeRobot v2.1; their meta names the `task`."""
        write(episodes, raw, self.camera)

    def open(self, raw: Path) -> Episodes:
        """List the episodes whose files are there; none is read before it is indexed."""
        require(raw, "rt1")
        return open_folder(raw, self.camera)
