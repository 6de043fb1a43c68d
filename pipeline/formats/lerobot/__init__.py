"""LeRobot data sets v2.0, v2.1 and v3.0, of any cameras and vectors; v2.1 and v3.0 are written too.

A row's action is what was commanded at its frame: the alignment of `Episode`, with no observation
after the last action. `task` of an episode's meta is its instructions as text.

RT-1's `fractal20220817_data` is one: 3 Hz, actions [7] (relative x, y, z in m and roll, pitch, yaw
in rad, then the gripper, 1 open, 0 closed), states [8] (x, y, z in m, a quaternion x, y, z, w, and
the gripper, 1 closed, 0 open).

`info` parses meta/info.json, `cameras` says which of its cameras record colour. `v2` and `v3` list
the episodes of a folder as `entries`, and `locate` finds their files. `rows` and `tables` read an
episode's rows, `clips`, `headers` and `images` its frames, and `tiles` puts those of several
cameras together; `source` reads episodes with all of these. `write_v2` and `write_v3` write them,
with `features`, `statistics` and `video_file`.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.episodes.episode import Episode
from pipeline.errors import DataError
from pipeline.formats import DatasetOptions, Detected
from pipeline.formats._shared.folder import require
from pipeline.formats.lerobot import cameras, write_v2, write_v3
from pipeline.formats.lerobot import info as infos
from pipeline.formats.lerobot.features import LAYOUTS, Layout
from pipeline.formats.lerobot.rows import AlignBy
from pipeline.formats.lerobot.source import STATES, LeRobotSource, Reading, open_folder
from pipeline.formats.lerobot.tiles import Arrange

Name = Annotated[str, Field(min_length=1)]
Version = Literal["v2.1", "v3.0"]
"""What can be written."""
WRITERS = {"v2.1": write_v2.write, "v3.0": write_v3.write}


class Options(DatasetOptions):
    """Which features are read, and how rows find their frames."""

    video: str | None = Field(
        default=None,
        min_length=1,
        description="one camera: a feature of meta/info.json; or see `cameras`",
    )
    cameras: tuple[Name, ...] | None = Field(
        default=None,
        min_length=1,
        description="features of meta/info.json whose frames are read; null: the only one",
    )
    arrange: Arrange = Field(
        default="row", description="how the frames of several cameras become one"
    )
    actions: tuple[Name, ...] = Field(
        default=("action",),
        min_length=1,
        description="features that are the actions, joined in this order",
    )
    states: tuple[Name, ...] | None = Field(
        default=None,
        description="features that are the states, joined in this order; null: observation.state "
        "and observation.environment_state, if they are there",
    )
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

    @model_validator(mode="after")
    def _name_cameras_once(self) -> Self:
        if self.video is not None and self.cameras is not None:
            raise ValueError("video and cameras both name the cameras; leave video out")
        return self

    @property
    def reading(self) -> Reading:
        """What of a set is read."""
        cameras = self.cameras if self.video is None else (self.video,)
        return Reading(
            cameras, self.arrange, self.actions, self.states, self.align_by, self.episodes
        )


def build(options: Options) -> "LeRobot":
    """The format's reader and writer."""
    reading = options.reading
    layout = LAYOUTS.get(options.world or "", Layout())
    if reading.cameras is not None:
        layout = replace(layout, camera=reading.cameras[0])
    return LeRobot(reading, layout, "v2.1")


def detect(folder: Path) -> Detected | None:
    """A folder with meta/info.json."""
    if not (folder / infos.FILE).is_file():
        return None
    try:
        info = infos.read(folder)
    except DataError:
        return Detected("LeRobot")
    found = cameras.colour(info)
    vectors = infos.numbers(info)
    actions = [name for name in vectors if name.split(".")[0] in ("action", "actions")]
    if "action" in actions or not actions:
        actions = ["action"]
    states = [name for name in STATES if name in vectors]
    states = states or [name for name in vectors if name.startswith("observation.")]
    options: dict[str, object] = {
        **({"cameras": found} if found else {}),
        **({"arrange": "row"} if len(found) > 1 else {}),
        "actions": actions,
        "states": states,
    }
    others = [name for name in vectors if name not in (*actions, *states)]
    facts = {"other vectors": others} if others else {}
    return Detected(f"LeRobot {info.codebase_version}", options, facts)


class LeRobot:
    """LeRobot data sets; a `pipeline.formats.WritableFormat`."""

    interval = 1

    def __init__(self, reading: Reading, layout: Layout, version: Version) -> None:
        """A reader of any version, and a writer of one, of one camera."""
        self.reading, self.layout, self.version = reading, layout, version

    def write(self, episodes: Iterable[Episode], raw: Path) -> None:
        """Write episodes; their meta names the `task`, and may name `fps`."""
        WRITERS[self.version](episodes, raw, self.layout)

    def open(self, raw: Path) -> LeRobotSource:
        """List the episodes; none is read before it is indexed."""
        require(raw, "LeRobot")
        return open_folder(raw, self.reading)
