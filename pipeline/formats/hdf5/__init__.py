"""HDF5 files of trajectories: robomimic, D4RL, OGBench, ManiSkill, ALOHA, and any that are mapped.

`episodes` says where one begins and ends, and `cameras`, `actions` and `states` name its arrays.

actions[t] is applied at frame t, as robomimic, D4RL and OGBench record them. Where a group has one
more frame than actions, as ManiSkill has, that last one is left out: no action was applied at it.
With `alignment: before_frame` an action led to the frame beside it (as DreamerV3 records); then the
first action and the last frame are left out. robomimic's next_obs is not read, so the frame after
the last action is not in an episode. Steps of columns after the last flag are an episode too.
"""

from pathlib import Path

from pydantic import Field, model_validator

from pipeline.files.names import InnerPath
from pipeline.formats import DatasetOptions
from pipeline.formats._shared import discrete
from pipeline.formats._shared.folder import require
from pipeline.formats._shared.names import Names
from pipeline.formats.hdf5.detect import detect
from pipeline.formats.hdf5.listing import WHOLE
from pipeline.formats.hdf5.options import Boundaries, Listing, Split
from pipeline.formats.hdf5.reading import Alignment, Reading
from pipeline.formats.hdf5.source import Hdf5Source, open_files

__all__ = ["Hdf5Files", "Options", "build", "detect"]


class Options(DatasetOptions):
    """Options of an HDF5 data set; paths of arrays are relative to an episode's group."""

    files: InnerPath = Field(
        default="*.hdf5", description="pattern of the files' names below root; ** is any folder"
    )
    episodes: Boundaries = Field(description="where an episode begins and ends")
    cameras: Names = Field(
        min_length=1, description="arrays of frames; several are put side by side"
    )
    actions: Names = Field(min_length=1, description="arrays of actions; several are joined")
    states: Names = Field(default=(), description="arrays of states; several are joined")
    discrete_actions: int | None = Field(
        default=None,
        gt=1,
        le=discrete.MOST,
        description="number of actions to choose from, which become one-hot; null: continuous",
    )
    alignment: Alignment = Field(
        default="at_frame",
        description="at_frame: an action is applied at its frame; before_frame: it led to it",
    )
    bgr: bool = Field(default=False, description="whether colours are blue, green, red")
    split: Split | None = Field(
        default=None, description="the split that comes with the files; null: ingest draws one"
    )
    filter: str | None = Field(
        default=None, description="array of the names of the episodes that are read; null: all"
    )

    @model_validator(mode="after")
    def _masks_name_groups(self) -> "Options":
        masks = self.filter or (self.split and self.split.train)
        if masks and self.episodes.groups in (None, WHOLE):
            raise ValueError(f"{masks} names groups, but episodes are none; drop it")
        return self


def build(options: Options) -> "Hdf5Files":
    """The data set's reader."""
    return Hdf5Files(options)


class Hdf5Files:
    """HDF5 files; a `pipeline.formats.Format`."""

    interval = 1

    def __init__(self, options: Options) -> None:
        """A reader of the arrays that the options name."""
        self.options = options

    def open(self, raw: Path) -> Hdf5Source:
        """List the episodes of all files, and look for the arrays in the first."""
        require(raw, "HDF5")
        options = self.options
        reading = Reading(
            options.cameras,
            options.actions,
            options.states,
            options.alignment,
            options.discrete_actions,
            options.bgr,
        )
        listing = Listing(options.files, options.episodes, options.split, options.filter)
        return open_files(raw, listing, reading)
