"""Minari data sets (0.5): HDF5, Arrow and Parquet, with images as JPEG or as they are.

An episode has T actions and T + 1 observations. actions[t] is applied at observation t and leads to
observation t + 1; the last observation, at which nothing was done, is left out. Discrete actions
become one-hot: Discrete(n) has n components, MultiDiscrete those of all its parts, and the parts of
Dict and Tuple are joined in their order. JPEG, Minari's default for images, is decoded here: frames
are what Minari itself gives.
"""

from pathlib import Path

from pydantic import Field

from pipeline.errors import DataError, did_you_mean
from pipeline.formats import DatasetOptions
from pipeline.formats._shared.folder import require
from pipeline.formats._shared.names import Names
from pipeline.formats.minari import metadata, storage
from pipeline.formats.minari.detect import detect
from pipeline.formats.minari.source import MinariSource

__all__ = ["Minari", "Options", "build", "detect"]


class Options(DatasetOptions):
    """Options of a Minari data set."""

    cameras: Names = Field(
        default=("observations",),
        min_length=1,
        description="observations or infos that are images, such as observations/pixels; several "
        "are put side by side",
    )
    states: Names = Field(
        default=(), description="observations or infos that are numbers; several are joined"
    )


def build(options: Options) -> "Minari":
    """The data set's reader."""
    return Minari(options)


class Minari:
    """Minari data sets; a `pipeline.formats.Format`."""

    interval = 1

    def __init__(self, options: Options) -> None:
        """A reader of the observations that the options name."""
        self.options = options

    def open(self, raw: Path) -> MinariSource:
        """List the episodes; none is read before it is indexed."""
        require(raw, "Minari")
        folder = metadata.folder_of(raw)
        if folder is None:
            raise DataError(
                f"{raw}: holds no {metadata.FILE}, nor does its folder data; name the folder of a "
                "Minari data set, such as ~/.minari/datasets/NAME-v0"
            )
        described = metadata.read(folder)
        for path in (*self.options.cameras, *self.options.states):
            if not path.startswith("infos/") and path not in described.observations:
                raise DataError(
                    f"{folder}: no {path}; {did_you_mean(path, described.observations)}"
                )
        episodes = storage.episodes(described)
        if len(episodes) != described.episodes or not episodes:
            raise DataError(
                f"{folder}: {metadata.FILE} says {described.episodes} episodes, but it holds "
                f"{len(episodes)}; {metadata.FETCH}"
            )
        return MinariSource(described, episodes, self.options.cameras, self.options.states)
