"""LeRobot data sets v2.0, v2.1 and v3.0 with actions and a camera; writes v2.1.

RT-1's `fractal20220817_data` is one: 3 Hz, actions [7] (relative x, y, z in m and roll, pitch, yaw
in rad, then the gripper, 1 open, 0 closed), states [8] (x, y, z in m, a quaternion x, y, z, w, and
the gripper, 1 closed, 0 open).

`info` parses meta/info.json, `cameras` says which of its cameras record colour. `v2` and `v3` list
the episodes of a folder as `entries`, and `locate` finds their files. `rows` and `tables` read an
episode's rows, `clips`, `headers` and `images` its frames; `source` puts them together, `write`
writes v2.1.
"""

from collections.abc import Iterable
from pathlib import Path

from pydantic import Field

from pipeline.episodes.episode import Episode
from pipeline.errors import DataError
from pipeline.formats import DatasetOptions, Detected
from pipeline.formats._shared.folder import require
from pipeline.formats.lerobot import cameras
from pipeline.formats.lerobot import info as infos
from pipeline.formats.lerobot.rows import AlignBy
from pipeline.formats.lerobot.source import LeRobotSource, Reading, open_folder
from pipeline.formats.lerobot.write import write


class Options(DatasetOptions):
    """Which camera is read, and how rows find their frames."""

    video: str = Field(min_length=1, description="camera that is read: a feature of meta/info.json")
    align_by: AlignBy = Field(
        default="timestamp",
        description="column by which a row finds its frame; frame_index where timestamps are a "
        "recorder's clock",
    )
    episodes: int | None = Field(
        default=None,
        gt=0,
        description="read the first ones only, as `wm fetch --episodes` does; null: all",
    )


def build(options: Options) -> "LeRobot":
    """The format's reader and writer."""
    return LeRobot(Reading(options.video, options.align_by, options.episodes))


def detect(folder: Path) -> Detected | None:
    """A folder with meta/info.json."""
    if not (folder / infos.FILE).is_file():
        return None
    try:
        info = infos.read(folder)
    except DataError:
        return Detected("LeRobot")
    colour = cameras.colour(info)
    return Detected(f"LeRobot {info.codebase_version}", {"video": colour[0]} if colour else {})


class LeRobot:
    """LeRobot data sets; a `pipeline.formats.WritableFormat`."""

    interval = 1

    def __init__(self, reading: Reading) -> None:
        """A reader, and a writer of the frames of its one camera."""
        self.reading = reading

    def write(self, episodes: Iterable[Episode], raw: Path) -> None:
        """Write episodes as LeRobot v2.1; their meta names the `task`."""
        write(episodes, raw, self.reading.camera)

    def open(self, raw: Path) -> LeRobotSource:
        """List the episodes; none is read before it is indexed."""
        require(raw, "LeRobot")
        return open_folder(raw, self.reading)
