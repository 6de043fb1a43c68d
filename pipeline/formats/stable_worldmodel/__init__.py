"""Data sets that stable-worldmodel records: HDF5, Lance, folders of images, folders of videos.

A column of frames (`pixels`) and columns of numbers (`action`, `state`, ..) hold one row a step.

Row t holds the action that is applied at its frame: `World.collect` records the frame after each
step, then moves the actions up by one row. So the frame of the reset is in no set of version 0.1.1,
and the last row's action is none: the episode's first one in 0.1.1, NaN in later versions. That row
is left out, its frame with it.

Lance holds every number as float32: whole numbers beyond 2^24 are rounded there.
"""

from pathlib import Path

from pydantic import Field

from pipeline.errors import UserError
from pipeline.files.names import InnerPath
from pipeline.formats import DatasetOptions, Detected
from pipeline.formats._shared import discrete
from pipeline.formats._shared.folder import require
from pipeline.formats._shared.names import Names
from pipeline.formats._shared.reading import Reading
from pipeline.formats.stable_worldmodel.sets import find, opened
from pipeline.formats.stable_worldmodel.source import SwmSource, open_source
from pipeline.formats.stable_worldmodel.storage import Column


class Options(DatasetOptions):
    """Which columns are read."""

    file: InnerPath | None = Field(
        default=None, description="the .h5 file or .lance folder; null: the only one there"
    )
    cameras: Names = Field(
        default=("pixels",), min_length=1, description="columns of frames; put side by side"
    )
    actions: Names = Field(default=("action",), min_length=1, description="columns; joined")
    states: Names = Field(default=(), description="columns; joined")
    discrete_actions: int | None = Field(
        default=None,
        gt=1,
        le=discrete.MOST,
        description="number of actions to choose from, which become one-hot; null: continuous",
    )


def build(options: Options) -> "StableWorldModel":
    """The format's reader."""
    return StableWorldModel(options)


def detect(folder: Path) -> Detected | None:
    """Which storage a folder holds, and columns that are called as the library calls them."""
    found = find(folder)
    if not found:
        return None
    title = f"stable-worldmodel {found[0].kind}"
    options: dict[str, object] = {"file": found[0].file} if len(found) > 1 else {}
    try:
        columns = opened(folder, found[0]).columns()
    except UserError as error:
        return Detected(title, options, {"lacks": str(error)})
    facts: dict[str, object] = {"columns": [str(column) for column in columns]}
    if len(found) > 1:
        facts["files"] = [each.file for each in found]
    return Detected(title, options | _chosen(columns), facts)


def _chosen(columns: list[Column]) -> dict[str, object]:
    frames = [column.name for column in columns if column.is_frames]
    numbers = {column.name: column for column in columns if column.is_numbers}
    chosen: dict[str, object] = {}
    if frames:
        chosen["cameras"] = ["pixels" if "pixels" in frames else frames[0]]
    if "action" in numbers:
        chosen["actions"] = ["action"]
    chosen["states"] = next(([n] for n in ("state", "observation", "proprio") if n in numbers), [])
    return chosen


class StableWorldModel:
    """stable-worldmodel's data sets; a `pipeline.formats.Format`."""

    interval = 1

    def __init__(self, options: Options) -> None:
        """A reader of the columns that the options name."""
        self.options = options

    def open(self, raw: Path) -> SwmSource:
        """List the episodes; no frame is decoded before one is indexed."""
        require(raw, "stable-worldmodel")
        options = self.options
        reading = Reading(
            options.cameras, options.actions, options.states, options.discrete_actions
        )
        return open_source(raw, options.file, reading)
