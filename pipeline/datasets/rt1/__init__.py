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
from pipeline.datasets.rt1.lerobot.rows import AlignBy
from pipeline.datasets.rt1.lerobot.source import LeRobotSource, Reading, open_folder
from pipeline.datasets.rt1.lerobot.write import write
from pipeline.episodes.episode import Episode


class Options(DatasetOptions):
    """Options of the rt1 data set."""

    video: str = Field(min_length=1, description="camera that is read: a feature of meta/info.json")
    align_by: AlignBy = Field(
        description="column by which a row finds its frame; frame_index where timestamps are a "
        "recorder's clock"
    )
    episodes: int | None = Field(
        gt=0, description="read the first ones only, as `wm fetch --episodes` does; null: all"
    )


def build(options: Options) -> "LeRobot":
    """The data set's reader and writer."""
    return LeRobot(Reading(options.video, options.align_by, options.episodes))


class LeRobot:
    """LeRobot data sets; a `pipeline.datasets.Dataset`."""

    interval = 1

    def __init__(self, reading: Reading) -> None:
        """A reader, and a writer of the frames of its one camera."""
        self.reading = reading

    def write(self, episodes: Iterable[Episode], raw: Path) -> None:
        """Write episodes as LeRobot v2.1; their meta names the `task`."""
        write(episodes, raw, self.reading.camera)

    def open(self, raw: Path) -> LeRobotSource:
        """List the episodes; none is read before it is indexed."""
        require(raw, "rt1")
        return open_folder(raw, self.reading)
