"""Data sets in the directory layouts in which they are published, read as Episodes and written."""

import errno
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import Field

from pipeline.episodes.episode import Episode
from pipeline.errors import FULL, DataError, UserError, machine_fault
from pipeline.families import Family, Module, family
from pipeline.params import Params


class DatasetOptions(Params):
    """Base of the Options of every data set: where it is, and how its episodes are preprocessed.

    Attributes:
        root: folder of a downloaded set; with None, collect simulates one in the same layout.
        normalise_actions: whether models get actions standardised by the train split's mean and
            std, or as recorded.
        resolution: (height, width) in pixels that frames are resized to before they are encoded;
            None keeps the recorded size.
        antialias: whether resizing low-pass filters first; the reference does not.
    """

    root: str | None = Field(description="folder of a downloaded set; null simulates one")
    normalise_actions: bool
    resolution: tuple[int, int] | None = Field(
        description="height and width that frames are resized to before encoding; null keeps them"
    )
    antialias: bool = Field(description="low-pass filter when shrinking; the reference does not")


@dataclass(frozen=True, slots=True)
class OfficialSplit:
    """The train and validation split that comes with a data set: indices of its episodes."""

    train: list[int]
    val: list[int]


class Source(Protocol):
    """An opened data set: a sequence of episodes, each read from disk when it is indexed.

    A Source can be pickled: worker processes index it too.
    """

    split: OfficialSplit | None
    """The split that comes with the data; None where ingest draws one (`ingest.train_share`)."""

    def __len__(self) -> int:
        """Number of episodes."""

    def key(self, index: int) -> str:
        """Name of an episode, unique in the set; reads no frame."""

    def __getitem__(self, index: int) -> Episode:
        """Read one episode.

        Raises:
            DataError: its files are missing, damaged or contradict each other.
        """


class Dataset(Protocol):
    """Reads and writes one directory layout.

    `datasets/NAME/` offers `Options`, a subclass of DatasetOptions, and `build(options)`, which
    returns a Dataset. The world of the same name simulates its episodes.
    """

    interval: int
    """Environment steps between two frames of a model, as published (the frame interval)."""

    def write(self, episodes: Iterable[Episode], raw: Path) -> None:
        """Write episodes to the folder `raw`, with one in memory at a time.

        The same episodes give the same bytes, and `open` reads them back.
        """

    def open(self, raw: Path) -> Source:
        """Open the folder `raw`: its tables are read and its episodes listed, no frame is decoded.

        Raises:
            DataError: a file is missing, damaged or not of this layout.
        """


OUR_BUGS = (
    AssertionError,
    AttributeError,
    ImportError,
    NameError,
    NotImplementedError,
    TypeError,
)
"""What wrong code raises, whatever it reads."""
MACHINE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, *FULL)
"""What an operating system has too little of, whichever file is read."""


def read_episode(source: Source, index: int) -> Episode:
    """Read one episode; what its files made a library raise becomes a DataError that names it.

    OUR_BUGS are no fault of the data, nor is what the machine has too little of: both stay what
    they are, so that a bug keeps its traceback and no healthy episode is skipped. All else is the
    data's. A reader must therefore refuse, itself, data that would make its own code raise a bug.

    Raises:
        DataError: the episode cannot be read.
    """
    try:
        return source[index]
    except (UserError, *OUR_BUGS):
        raise
    except Exception as error:
        if _is_the_machines(error):
            raise
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"episode {source.key(index)}: cannot be read ({type(error).__name__}: {reason}); "
            "fetch or record it again"
        ) from error


def _is_the_machines(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in MACHINE
    return machine_fault(error) is not None


DATASETS: Family[Module[Dataset, DatasetOptions], DatasetOptions] = family("datasets")
