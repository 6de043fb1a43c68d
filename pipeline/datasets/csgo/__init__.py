"""Counter-Strike deathmatch: a minute of play a file (Pearce & Zhu 2021, the 5500 scraped files).

1-200/hdf5_dm_july2021_1.hdf5 .. 5401-5500/hdf5_dm_july2021_5500.hdf5; see `_csgo_file` for what a
file holds, `_csgo_actions` for its actions [51] and `_csgo_lists` for its split. States [5] are
health 0..100, rounds in the magazine and 1 for a counter-terrorist, all as of the step before and 0
at the first; then 1 for a kill and 1 for a death since the step before.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline.datasets import DatasetOptions, OfficialSplit
from pipeline.datasets._shared.folder import require
from pipeline.datasets.csgo import lists as _csgo_lists
from pipeline.datasets.csgo import recording as _csgo_file
from pipeline.episodes.episode import Episode, Meta
from pipeline.errors import DataError

LAST = 5500
FOLDER = 200  # recordings a folder
START = "validation_start"  # of an episode's meta: the frame at which its validation clip begins


class Options(DatasetOptions):
    """Where the set lies and how models are fed from it."""

    splits: str | None = Field(
        description="folder of the two lists and the start indices; null looks beside the data"
    )
    starts: Literal["listed", "shuffled"] = Field(
        description="whose start is whose: shuffled is the reference's mistake, for its figures"
    )


def build(options: Options) -> "Csgo":
    """The layout's reader and writer."""
    splits = None if options.splits is None else Path(options.splits)
    return Csgo(splits, shuffled=options.starts == "shuffled")


class Csgo:
    """See `pipeline.datasets.Dataset`."""

    interval = 1

    def __init__(self, splits: Path | None, *, shuffled: bool = False) -> None:
        """Remember where the lists lie, None for beside the data, and whose starts are whose."""
        self.splits, self.shuffled = splits, shuffled

    def write(self, episodes: Iterable[Episode], raw: Path) -> None:
        """Write episodes as recordings 1, 2, ..; if some have a validation start, lists as well."""
        lists = _csgo_lists.Lists([], {})
        for number, episode in enumerate(episodes, 1):
            path = _place(raw, number)
            path.parent.mkdir(parents=True, exist_ok=True)
            _csgo_file.write(path, episode)
            if START in episode.meta:
                lists.starts[number] = int(episode.meta[START])
            else:
                lists.train.append(number)
        if lists.starts:
            _csgo_lists.write(raw, lists)

    def open(self, raw: Path) -> "Recordings":
        """Read the lists, and list the files that exist."""
        require(raw, "csgo")
        places = [
            (number, path)
            for path in raw.glob("*-*/*.hdf5")
            if (number := _csgo_lists.number(path.name)) and path == _place(raw, number)
        ]
        if not places:
            raise DataError(f"{_place(raw, 1)}: no such file, nor any other of the csgo layout")
        found = dict(sorted(places))
        if self.splits is None and not _csgo_lists.exist(raw):
            return Recordings(found, {}, None)
        lists = _csgo_lists.read(self.splits or raw)
        return _listed(found, lists.shuffled() if self.shuffled else lists, raw)


class Recordings:
    """The recordings that exist, by ascending number; see `pipeline.datasets.Source`."""

    def __init__(
        self, found: dict[int, Path], starts: dict[int, int], split: OfficialSplit | None
    ) -> None:
        """Take recordings by their number, and the validation starts of those that test."""
        self.found, self.starts, self.split = found, starts, split
        self.numbers = list(found)

    def __len__(self) -> int:
        """Number of recordings."""
        return len(self.numbers)

    def key(self, index: int) -> str:
        """File name of a recording without its suffix."""
        return self.found[self.numbers[index]].stem

    def __getitem__(self, index: int) -> Episode:
        """Read one recording; the meta of one that tests says where its validation clip starts."""
        number = self.numbers[index]
        meta: Meta = {START: self.starts[number]} if number in self.starts else {}
        return _csgo_file.read(self.found[number], meta)


def _place(raw: Path, number: int) -> Path:
    """Where a recording lies; the last folder holds but a hundred."""
    first = (number - 1) // FOLDER * FOLDER + 1
    return raw / f"{first}-{min(first + FOLDER - 1, LAST)}" / _csgo_lists.name(number)


def _listed(found: dict[int, Path], lists: _csgo_lists.Lists, raw: Path) -> Recordings:
    """The recordings that are both found and listed; says how many are listed but not found."""
    for file, numbers in ((_csgo_lists.TRAIN, lists.train), (_csgo_lists.TEST, lists.starts)):
        if found.keys().isdisjoint(numbers):
            such = f", such as {_csgo_lists.name(min(numbers))}" if numbers else ""
            raise DataError(f"{raw}: holds none of the files that {file} names; add one{such}")
    listed = sorted([*lists.train, *lists.starts])
    absent = [number for number in listed if number not in found]
    if absent:
        names = ", ".join(_csgo_lists.name(number) for number in absent[:3])
        print(
            f"{raw}: lacks {len(absent)} of {len(listed)} listed files, which are skipped "
            f"({names}{', ..' if len(absent) > 3 else ''})",
            file=sys.stderr,
        )
    present = {number: found[number] for number in listed if number in found}
    train = set(lists.train)
    split = OfficialSplit(
        train=[index for index, number in enumerate(present) if number in train],
        val=[index for index, number in enumerate(present) if number in lists.starts],
    )
    return Recordings(present, lists.starts, split)
