"""RT-1's `fractal20220817_data` as a LeRobot data set: 3 Hz, one camera, actions [7].

Reads any LeRobot data set (v2.0, v2.1, v3.0) with actions and a camera; writes v2.1. RT-1's actions
[7]: relative x, y, z in m and roll, pitch, yaw in rad, then the gripper, 1 open, 0 closed. States
[8]: x, y, z in m, a quaternion x, y, z, w, and the gripper, 1 closed, 0 open.
"""

from collections.abc import Iterable
from pathlib import Path

from pydantic import Field

from pipeline.datasets import DatasetOptions
from pipeline.datasets._shared.folder import require
from pipeline.datasets.rt1.lerobot.source import LeRobotSource, open_folder
from pipeline.datasets.rt1.lerobot.write import write
from pipeline.episodes.episode import Episode


class Options(DatasetOptions):
    """Options of the rt1 data set."""

    video: str = Field(min_length=1, description="camera that is read: a feature of meta/info.json")


def build(options: Options) -> "LeRobot":
    """The data set's reader and writer."""
    return LeRobot(options.video)


class LeRobot:
    """LeRobot data sets; a `pipeline.datasets.Dataset`."""

    interval = 1

    def __init__(self, camera: str) -> None:
        """A reader and writer of the frames of one camera."""
        self.camera = camera

    def write(self, episodes: Iterable[Episode], raw: Path) -> None:
        """Write episodes as LeRobot v2.1; their meta names the `task`."""
        write(episodes, raw, self.camera)

    def open(self, raw: Path) -> LeRobotSource:
        """List the episodes whose files exist; none is read before it is indexed."""
        require(raw, "rt1")
        return open_folder(raw, self.camera)
