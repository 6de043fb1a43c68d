"""RWM's `state_action_data_<i>.csv`: states of a legged robot, from which the frames are drawn.

What simulates a set writes one file an episode, and beside the files, in episodes.json, what rows
have no place for: the meta and the last action; in simulation_<i>.npy the rest of each state.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.episode import Episode
from pipeline.episodes.groups import CONTACT, OBSERVED, STATE, SYSTEM_ACTION, actions_at
from pipeline.episodes.quadruped import draw
from pipeline.errors import DataError
from pipeline.files.json_model import FileModel
from pipeline.files.npy import read_npy
from pipeline.files.versioned import Format
from pipeline.formats import DatasetOptions, Detected, OfficialSplit
from pipeline.formats._shared.folder import require
from pipeline.formats.robotic_world_model import rows

NAME = re.compile(r"state_action_data_(\d+)\.csv")
INDEX = "episodes.json"
FORMAT = Format()
FETCH = "fetch it again"


class Options(DatasetOptions):
    """The options of every data set."""


class Recorded(FileModel):
    """What the rows of a file of one episode have no place for."""

    meta: dict[str, int | float | str]
    last_action: list[float]


class Index(FileModel):
    """episodes.json: the files of one episode each, by name."""

    files: dict[str, Recorded]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an episode lies: rows of a file, all of them where it is recorded in episodes.json."""

    path: Path
    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class CsvSource:
    """The episodes of a folder, in the order of the numbers of its files."""

    places: list[Place]
    recorded: dict[str, Recorded]
    split: OfficialSplit | None = None

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self.places)

    def key(self, index: int) -> str:
        """Name of an episode: that of its file, and its first row there."""
        place = self.places[index]
        number = _number(place.path)
        return f"episode_{number:04d}" + ("" if place.end is None else f"_{place.start:06d}")

    def __getitem__(self, index: int) -> Episode:
        """Read one episode, and draw its frames."""
        place = self.places[index]
        table = rows.read(place.path)[place.start : place.end]
        states = np.concatenate([table[:, STATE], table[:, -(OBSERVED - CONTACT.start) :]], 1)
        actions = actions_at(table[:, rows.ACTIONS])
        recorded = self.recorded.get(place.path.name)
        if recorded is not None:
            actions[-1] = _vector(recorded.last_action, place.path)
            states = np.concatenate([states, _rest(place.path, len(states))], 1)
        elif not table[-1, -1] > 0.5 and len(table) > 1:
            # Nobody knows what was chosen at the last row; only a fall is worth keeping without.
            states, actions = states[:-1], actions[:-1]
        meta = {} if recorded is None else recorded.meta
        return Episode(self.key(index), draw(states), actions, states, meta)


class RoboticWorldModel:
    """A `pipeline.formats.WritableFormat`."""

    interval = 1

    def open(self, raw: Path) -> CsvSource:
        """List the episodes; files that no simulator of ours has written are read for that."""
        require(raw, "RWM")
        paths = _files(raw)
        if not paths:
            raise DataError(f"{raw}: holds no state_action_data_<i>.csv; {FETCH}")
        index = raw / INDEX
        recorded = FORMAT.read(index, Index, FETCH).files if index.is_file() else {}
        return CsvSource([place for path in paths for place in _places(path, recorded)], recorded)

    def write(self, episodes: Iterable[Episode], raw: Path) -> None:
        """Write one file of rows an episode, the rest of its states beside it, and the index."""
        raw.mkdir(parents=True)
        recorded = {}
        for number, episode in enumerate(episodes):
            path = raw / f"state_action_data_{number}.csv"
            rows.write(path, rows.rows_of(episode.states, episode.actions))
            np.save(_beside(path), episode.states[:, OBSERVED:])
            last = episode.actions[-1].tolist()
            recorded[path.name] = Recorded(meta=dict(episode.meta), last_action=last)
        (raw / INDEX).write_text(FORMAT.text(Index(files=recorded)))


def build(options: Options) -> RoboticWorldModel:
    """The format's reader and writer."""
    return RoboticWorldModel()


def detect(folder: Path) -> Detected | None:
    """Files of that name alone; their first row tells whether they have the columns."""
    paths = _files(folder)
    if not paths:
        return None
    with paths[0].open("rb") as file:
        columns = file.readline(1 << 16).count(b",") + 1
    wrong = f"{paths[0]}: {columns} numbers a row, where {rows.COLUMNS} are expected"
    own = {"world": "quadruped"} if (folder / INDEX).is_file() else {}
    own |= {"encoder": "state"}
    return Detected(
        "RWM state-action rows",
        own,
        {"files": len(paths)},
        None if columns == rows.COLUMNS else f"{wrong}; {rows.MEND}",
    )


def _files(folder: Path) -> list[Path]:
    paths = folder.iterdir() if folder.is_dir() else ()
    return sorted((path for path in paths if NAME.fullmatch(path.name)), key=_number)


def _number(path: Path) -> int:
    match = NAME.fullmatch(path.name)
    assert match is not None
    return int(match[1])


def _places(path: Path, recorded: dict[str, Recorded]) -> Iterator[Place]:
    if path.name in recorded:
        yield Place(path, 0, None)
        return
    for start, end in rows.episodes_in(rows.read(path)):
        yield Place(path, start, end)


def _beside(path: Path) -> Path:
    return path.with_name(f"simulation_{_number(path)}.npy")


def _rest(path: Path, length: int) -> NDArray[np.float32]:
    """Columns [T, S - 54] of the states that rows have no place for."""
    beside = _beside(path)
    values = read_npy(beside, FETCH)
    if values.dtype != np.float32 or values.ndim != 2 or len(values) != length:
        raise DataError(
            f"{beside}: {values.dtype} {values.shape}, where {path.name} has {length} rows; {FETCH}"
        )
    return values


def _vector(values: list[float], path: Path) -> NDArray[np.float32]:
    if len(values) != SYSTEM_ACTION.width:
        raise DataError(
            f"{path.with_name(INDEX)}: the last action of {path.name} has {len(values)} numbers, "
            f"where {SYSTEM_ACTION.width} are expected; {FETCH}"
        )
    return np.array(values, np.float32)
