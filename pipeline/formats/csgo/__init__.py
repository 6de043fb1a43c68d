"""Counter-Strike deathmatch: a minute of play per file (Pearce & Zhu 2021, the 5500 scraped files).

1-200/hdf5_dm_july2021_1.hdf5 .. 5401-5500/hdf5_dm_july2021_5500.hdf5; `recording` reads a file,
`lists` the official split, `pipeline.episodes.csgo_actions` defines the actions [51]. States [5]:
health 0..100, rounds in the magazine and 1 for a counter-terrorist, all as of the previous step and
0 at the first; then 1 for a kill and 1 for a death since the previous step.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline.episodes.episode import Episode, Meta
from pipeline.errors import DataError
from pipeline.files.places import from_project
from pipeline.formats import DatasetOptions, Detected, OfficialSplit
from pipeline.formats._shared.folder import require
from pipeline.formats.csgo import lists, recording

LAST = 5500
PER_FOLDER = 200  # recordings
START = "validation_start"  # key of Episode.meta: first frame of the validation clip


class Options(DatasetOptions):
    """Where its official split is, and how it is read."""

    splits: str | None = Field(
        default=None,
        description="folder of the official split's three files; null: beside the recordings",
    )
    starts: Literal["listed", "shuffled"] = Field(
        default="listed",
        description="of the validation clips; shuffled repeats the reference's mistake",
    )


def build(options: Options) -> "Csgo":
    """The format's reader and writer."""
    splits = None if options.splits is None else from_project(options.splits)
    return Csgo(splits, shuffled=options.starts == "shuffled")


def detect(folder: Path) -> Detected | None:
    """Recordings in folders of 200."""
    if next(folder.glob("*-*/hdf5_dm_july2021_*.hdf5"), None) is not None:
        return Detected("CSGO deathmatch")
    return None


class Csgo:
    """The CSGO data set; a `pipeline.formats.WritableFormat`."""

    interval = 1

    def __init__(self, splits: Path | None, *, shuffled: bool = False) -> None:
        """A reader and writer.

        Args:
            splits: folder of the official split's files; None is beside the recordings.
            shuffled: whether validation starts are assigned as in the reference.
        """
        self.splits, self.shuffled = splits, shuffled

    def write(self, episodes: Iterable[Episode], raw: Path) -> None:
        """Write episodes as recordings 1, 2, ..; those with a validation start are test ones."""
        split = lists.Lists([], {})
        for number, episode in enumerate(episodes, 1):
            path = _path(raw, number)
            path.parent.mkdir(parents=True, exist_ok=True)
            recording.write(path, episode)
            if START in episode.meta:
                split.starts[number] = int(episode.meta[START])
            else:
                split.train.append(number)
        if split.starts:
            lists.write(raw, split)

    def open(self, raw: Path) -> "CsgoSource":
        """List the recordings that exist, and read the official split if it is there."""
        require(raw, "csgo")
        recordings = [
            (number, path)
            for path in raw.glob("*-*/*.hdf5")
            if (number := lists.number(path.name)) and path == _path(raw, number)
        ]
        if not recordings:
            raise DataError(
                f"{_path(raw, 1)}: no such file, nor any other recording; fetch the csgo set again"
            )
        present = dict(sorted(recordings))
        if self.splits is None and not lists.exist(raw):
            return CsgoSource(present, lists.Lists([], {}), None)
        split = lists.read(self.splits or raw)
        for file, numbers in ((lists.TRAIN, split.train), (lists.TEST, split.starts)):
            if present.keys().isdisjoint(numbers):
                example = f", such as {lists.name(min(numbers))}" if numbers else ""
                raise DataError(
                    f"{raw}: holds none of the files that {file} names; add one{example}"
                )
        return _listed(raw, split.shuffled() if self.shuffled else split)


class CsgoSource:
    """Recordings by ascending number; a `pipeline.formats.Source`."""

    def __init__(
        self, paths: dict[int, Path], listed: lists.Lists, split: OfficialSplit | None
    ) -> None:
        """The files of the recordings by number, whether they exist or not; and the lists."""
        self.paths, self.listed, self.split = paths, listed, split
        self.numbers = list(paths)

    def __len__(self) -> int:
        """Number of recordings."""
        return len(self.numbers)

    def key(self, index: int) -> str:
        """File name of a recording without its suffix."""
        return self.paths[self.numbers[index]].stem

    def __getitem__(self, index: int) -> Episode:
        """Read one recording; meta of a test one has the first frame of its validation clip."""
        number = self.numbers[index]
        path, starts = self.paths[number], self.listed.starts
        if number in self.listed.repeated:
            raise DataError(
                f"{path}: {lists.TRAIN} and {lists.TEST} name it more than once; drop all lines "
                "but one"
            )
        meta: Meta = {START: starts[number]} if number in starts else {}
        return recording.read(path, meta)


def _path(raw: Path, number: int) -> Path:
    """The file of a recording; the last folder holds only a hundred."""
    first = (number - 1) // PER_FOLDER * PER_FOLDER + 1
    return raw / f"{first}-{min(first + PER_FOLDER - 1, LAST)}" / lists.name(number)


def _listed(raw: Path, split: lists.Lists) -> CsgoSource:
    """The recordings that are listed; those that do not exist are refused when they are indexed."""
    numbers = sorted([*split.train, *split.starts])
    official = OfficialSplit(
        train=[index for index, number in enumerate(numbers) if number not in split.starts],
        val=[index for index, number in enumerate(numbers) if number in split.starts],
    )
    return CsgoSource({number: _path(raw, number) for number in numbers}, split, official)
