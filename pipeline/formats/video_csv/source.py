"""The episodes of a folder of videos or images and tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes import video
from pipeline.episodes.cameras import read_cameras
from pipeline.episodes.episode import Episode, Meta
from pipeline.errors import DataError
from pipeline.files.content import read_bytes
from pipeline.formats import OfficialSplit
from pipeline.formats._shared import discrete, pixels
from pipeline.formats.video_csv import tables, written
from pipeline.formats.video_csv.layout import EPISODE, IMAGES, Layout, natural

MEND = "mend it, or record the episode again"
Alignment = Literal["at_frame", "before_frame"]


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of a table that are read.

    Attributes:
        actions: the components of an action.
        states: those of a state.
        episode: says which episode a row is of, where one table has the rows of all.
    """

    actions: list[str]
    states: list[str]
    episode: str


@dataclass(frozen=True, slots=True)
class VideoCsvSource:
    """Episodes by name, in natural order; a `pipeline.formats.Source`.

    Attributes:
        raw: folder of the data set.
        layout: where frames and rows lie in it.
        names: of the episodes.
        columns: what is read of the tables.
        discrete_actions: number of actions to choose from; None if they are continuous.
        alignment: which step the action of a row belongs to.
        meta: of episodes by name, where the folder has some.
    """

    raw: Path
    layout: Layout
    names: list[str]
    columns: Columns
    discrete_actions: int | None = None
    alignment: Alignment = "at_frame"
    meta: Mapping[str, Meta] = field(default_factory=dict)
    split: OfficialSplit | None = None

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self.names)

    def key(self, index: int) -> str:
        """Name of an episode, with _ for the signs that keys do not have."""
        return self.names[index].translate(str.maketrans("./ ", "___"))

    def __getitem__(self, index: int) -> Episode:
        """Read the frames and the rows of one episode.

        Raises:
            DataError: its frames or rows are missing or damaged, or their numbers do not fit.
        """
        name = self.names[index]
        path = self.raw / self.layout.frames.replace(EPISODE, name)
        table = self.raw / self.layout.table.replace(EPISODE, name)
        if self.layout.one_table:
            rows = tables.of_episode(table, self.columns.episode, name)
        else:
            rows = tables.read(table)
        actions = tables.matrix(rows, self.columns.actions, str(table))
        states = tables.matrix(rows, self.columns.states, str(table))
        content = None
        if self.layout.is_video:
            content = _content(path)
            frames = video.decode(content, str(path), way_out=MEND)
        else:
            frames = _images(path)
        if len(rows) not in (len(frames), len(frames) - 1):
            raise DataError(
                f"{table}: {name}: {len(rows)} rows, but {path} has {len(frames)} frames; give "
                "every frame one row, or every frame but the last"
            )
        if len(rows) == len(frames):
            if self.alignment == "before_frame":
                actions = actions[1:]
            elif np.isnan(actions[-1]).all():
                actions = actions[:-1]
        if not len(actions):
            raise DataError(f"{table}: {name}: has no action; leave it out")
        frames, states = frames[: len(actions)], states[: len(actions)]
        for kind, values in (("action", actions), ("state", states)):
            if len(gaps := np.flatnonzero(~np.isfinite(values).all(1))):
                raise DataError(
                    f"{table}: {name}: the {kind} of frame {gaps[0]} is empty, NaN or infinite; "
                    "mend it, or leave the episode out"
                )
        if self.discrete_actions is not None:
            actions = discrete.one_hot(actions, self.discrete_actions, f"{table}: {name}")
        place = self.raw / written.CAMERAS.replace(EPISODE, name)
        cameras = read_cameras(place, len(frames), MEND) if place.is_file() else None
        meta = self.meta.get(name, {})
        return Episode(self.key(index), frames, actions, states, meta, content, cameras)


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise DataError(f"{path}: no such file; every episode needs its frames and its rows")
    return path.read_bytes()


def _images(folder: Path) -> NDArray[np.uint8]:
    """The images of a folder in natural order, uint8 [T, H, W, 3]."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; every episode needs its frames and its rows")
    paths = [path for path in folder.iterdir() if path.suffix.lower() in IMAGES]
    paths = sorted((p for p in paths if p.name[0] != "."), key=lambda path: natural(path.name))
    if not paths:
        raise DataError(f"{folder}: holds no images ({', '.join(IMAGES)}); {MEND}")
    files = (read_bytes(path, MEND) for path in paths)
    return pixels.decode(files, len(paths), str(folder), MEND)
