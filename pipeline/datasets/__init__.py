"""Published on-disk layouts: each is written from a simulator and read back as Episodes."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import Field

from pipeline.episodes.episode import Episode
from pipeline.params import Params


class DatasetOptions(Params):
    """Where a set lies and how models are fed from it; base of the Options of every data set."""

    root: str | None = Field(description="folder of a downloaded set; null simulates one")
    normalise_actions: bool
    resolution: tuple[int, int] | None = Field(
        description="height and width that frames are stretched to before encoding; null keeps them"
    )
    antialias: bool = Field(description="smooth before shrinking; the reference does not")


@dataclass(frozen=True, slots=True)
class Published:
    """A split that comes with the data: episodes in the order in which they are visited."""

    train: list[int]
    val: list[int]


class Source(Protocol):
    """An opened data set; each episode is read when it is indexed.

    A Source can be pickled: other processes read parts of it.
    """

    split: Published | None
    """None leaves the split to ingest's rule."""

    def __len__(self) -> int:
        """Number of episodes."""

    def key(self, index: int) -> str:
        """Name of an episode, known without reading it."""

    def __getitem__(self, index: int) -> Episode:
        """Read one episode.

        Raises:
            DataError: its files are missing, damaged or contradict each other.
        """


class Dataset(Protocol):
    """One layout. `datasets/NAME.py` offers `Options` (a Layout) and `build(options)`."""

    interval: int
    """Environment steps from one frame of a model to the next, as published."""

    def write(self, episodes: Iterable[Episode], raw: Path) -> None:
        """Write episodes in the published layout; the same episodes give the same bytes."""

    def open(self, raw: Path) -> Source:
        """Open a folder: read its tables, list its episodes, and read no frame yet.

        Raises:
            DataError: a file is missing, damaged or not of this layout.
        """
