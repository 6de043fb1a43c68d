"""Formats: layouts of files that hold episodes. A block `datasets.NAME` says which one it is in."""

import errno
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from pydantic import Field

from pipeline.episodes.episode import Episode
from pipeline.errors import FULL, DataError, UserError, machine_fault
from pipeline.families import Family, Module, family
from pipeline.params import Params, Variant


class DatasetOptions(Params):
    """What every block `datasets.NAME` says; the Options of a format add what it needs.

    Attributes:
        format: name of a member of this family; a published set need not name it.
        root: where the files are: a folder, a data set on the hub, or None to simulate the set with
            its world.
        revision: commit of the data set on the hub; None where root is a folder.
        world: simulator that records it and that is planned in; None has none. A published set
            need not name it.
        encoder: "state" where the recorded states are the latents, whichever encoder params.yaml
            names for pictures; None has that.
        normalise_actions: whether models get actions standardised by the train split's mean and
            std, or as recorded.
        resolution: (height, width) in pixels that frames are resized to before they are encoded;
            None keeps the recorded size.
        antialias: whether resizing low-pass filters first; the reference does not.
        frame_interval: steps of the recording between two frames of a model; None is the format's.
    """

    format: str = ""
    root: str | None = Field(
        description="folder of a set that is there, or a hub id with a revision; null simulates one"
    )
    revision: str | None = Field(
        default=None, description="commit on the hub, if root is an id there"
    )
    world: str | None = Field(default=None, description="simulator; null: cannot be planned in")
    encoder: Literal["state"] | None = Field(
        default=None, description="state: its states are the latents; null: as `encoder` says"
    )
    normalise_actions: bool = True
    resolution: tuple[int, int] | None = Field(
        default=None,
        description="height and width that frames are resized to before encoding; null keeps them",
    )
    antialias: bool = Field(
        default=True, description="low-pass filter when shrinking; the reference does not"
    )
    frame_interval: int | None = Field(
        default=None, gt=0, description="steps between two frames of a model; null: the format's"
    )


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


class Format(Protocol):
    """Reads one layout of files."""

    interval: int
    """Steps between two frames of a model where neither params.yaml nor training says (published
    for published sets, 1 for others)."""

    def open(self, raw: Path) -> Source:
        """Open the folder `raw`: its tables are read and its episodes listed, no frame is decoded.

        Raises:
            DataError: a file is missing, damaged or not of this layout.
        """


@runtime_checkable
class WritableFormat(Format, Protocol):
    """A format that can be written too: simulators and `wm record` use it."""

    def write(self, episodes: Iterable[Episode], raw: Path) -> None:
        """Write episodes to the folder `raw`, with one in memory at a time.

        The same episodes give the same bytes, and `open` reads them back.
        """


@dataclass(frozen=True, slots=True)
class Detected:
    """What a format recognises in a folder.

    Attributes:
        title: what it is, such as "LeRobot v3.0".
        options: keys of a block of params.yaml that this folder decides: cameras, action keys.
        facts: further lines for `wm inspect`.
        lacks: what the options still need, or the files, before they can be read; None if nothing.
    """

    title: str
    options: Mapping[str, object] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)
    lacks: str | None = None


class FormatModule(Module[Format, DatasetOptions], Protocol):
    """The module `formats/NAME`: Options, a subclass of DatasetOptions, `build` and `detect`."""

    def detect(self, folder: Path) -> Detected | None:
        """What is in a folder, by names and headers alone; None if it is not of this format."""


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


def frame_interval(variant: Variant[FormatModule, DatasetOptions]) -> int:
    """Steps of the recording between two frames of a model."""
    return variant.options.frame_interval or variant.build().interval


FORMATS: Family[FormatModule, DatasetOptions] = family("formats")
