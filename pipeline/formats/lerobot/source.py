"""The episodes of a LeRobot data set of any supported version."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.episode import Episode, Meta
from pipeline.errors import DataError
from pipeline.formats import OfficialSplit
from pipeline.formats._shared import episode_meta
from pipeline.formats.lerobot import (
    cameras,
    clips,
    entries,
    headers,
    images,
    locate,
    rows,
    tables,
    tiles,
    v2,
    v3,
)
from pipeline.formats.lerobot import info as infos
from pipeline.formats.lerobot.clips import Clip
from pipeline.formats.lerobot.entries import Entry, LastFrames, Span
from pipeline.formats.lerobot.features import META
from pipeline.formats.lerobot.info import Place
from pipeline.formats.lerobot.locate import Folder, Located
from pipeline.formats.lerobot.rows import AlignBy
from pipeline.formats.lerobot.tiles import Arrange

if TYPE_CHECKING:
    import pyarrow as pa

STATES = ("observation.state", "observation.environment_state")


@dataclass(frozen=True, slots=True)
class Reading:
    """What of a data set is read, and how.

    Attributes:
        cameras: features whose frames are read; None is the only camera of colour.
        arrange: how the frames of several cameras become one.
        actions: features that become the actions, one after another.
        states: those that become the states; None is STATES, as far as they are there.
        align_by: column by which rows find their frames.
        episodes: how many are read, from the first on; None is all.
    """

    cameras: tuple[str, ...] | None = None
    arrange: Arrange = "row"
    actions: tuple[str, ...] = ("action",)
    states: tuple[str, ...] | None = None
    align_by: AlignBy = "timestamp"
    episodes: int | None = None


def open_folder(raw: Path, reading: Reading) -> "LeRobotSource":
    """List the episodes; those of which something is missing are refused when they are indexed.

    Raises:
        DataError: a meta file is missing or damaged; there is no such camera or feature, or it
            records something else than 8-bit colour or vectors; no episode has its files.
    """
    info = infos.read(raw)
    chosen = cameras.chosen(info, reading.cameras, raw)
    states = reading.states
    if states is None:
        states = tuple(name for name in STATES if name in info.features)
    actions = infos.vectors(info, reading.actions, "actions", raw)
    folder = Folder(raw, info, chosen, actions, infos.vectors(info, states, "states", raw))
    if folder.is_v3:
        listed = v3.read_entries(raw, info, folder.videos)
    else:
        listed = v2.read_entries(raw, info, len(folder.videos))
    every = entries.checked(listed, info, raw / "meta")
    if reading.episodes is not None and reading.episodes > len(every):
        raise DataError(
            f"{raw}/meta: lists {len(every)} episodes, but {infos.BLOCK}.episodes is "
            f"{reading.episodes}; lower it, or set it to null to read all"
        )
    some = every[: reading.episodes]
    located = locate.locate(folder, some)
    if len(located.absent) == len(some):
        raise DataError(
            f"{raw}: none of its {len(some)} episodes has its files; fetch data/ and videos/"
        )
    last = entries.last_frames(every, len(folder.videos)) if folder.is_v3 else []
    source = LeRobotSource(folder, some, located, reading, last, episode_meta.read(raw / META))
    for camera in chosen:
        if reason := source.other_than_colour(camera):
            raise cameras.refusal(info, camera, raw, reason)
    return source


class LeRobotSource:
    """Episodes of a LeRobot folder; a `pipeline.formats.Source`."""

    split: OfficialSplit | None = None

    def __init__(
        self,
        folder: Folder,
        chosen: Sequence[Entry],
        located: Located,
        reading: Reading,
        last: Sequence[LastFrames],
        meta: Mapping[str, Meta],
    ) -> None:
        """The episodes `chosen`; no frame is decoded before an episode is indexed.

        `unreadable` are the indices of those of which it is known already.
        """
        self.folder = folder
        self.reading = reading
        # An array, because every worker process is sent a pickle: fast and small.
        self._numbers = np.array([_numbers(e, len(folder.videos)) for e in chosen], np.int64)
        self._tasks = [sys.intern(entry.task) for entry in chosen]
        self._rows, self._videos = located.rows, located.videos
        listed = {entry.number: entry.fault for entry in chosen if entry.fault is not None}
        self._faults = located.faults | listed
        unreadable = located.absent | self._faults.keys()
        self.unreadable = [n for n, entry in enumerate(chosen) if entry.number in unreadable]
        self._meta = meta
        self._last = dict(zip(folder.videos, last, strict=False))

    def _entry(self, index: int) -> Entry:
        number, length, chunk, file, *spans = self._numbers[index].tolist()
        return Entry(
            number,
            length,
            Place(chunk, file),
            tuple(
                Span(Place(*spans[n : n + 2]), *spans[n + 2 : n + 4])
                for n in range(0, len(spans), 4)
            ),
            self._tasks[index],
        )

    def __len__(self) -> int:
        """Number of episodes, readable or not."""
        return len(self._numbers)

    def key(self, index: int) -> str:
        """Name of an episode, from its `episode_index`."""
        return infos.key(int(self._numbers[index, 0]))

    def __getitem__(self, index: int) -> Episode:
        """Read one episode.

        Raises:
            DataError: its files are missing or damaged, or contradict each other or the meta files.
        """
        folder, entry = self.folder, self._entry(index)
        if entry.number in self._faults:
            raise DataError(self._faults[entry.number])
        paths = self._data(entry)
        place = f"{paths[0]}: {self.key(index)}"
        table = rows.read(folder, entry, paths, self.reading.align_by, place)
        clips = self._clips(entry, table, place)
        surplus = sum(clip.surplus for clip in clips)
        return Episode(
            key=self.key(index),
            frames=tiles.tile([clip.frames for clip in clips], self.reading.arrange),
            actions=_joined(table, folder.actions, place),
            states=_joined(table, folder.states, place),
            meta={
                **self._meta.get(self.key(index), {}),
                "task": entry.task,
                "fps": folder.info.fps,
                **({"surplus_frames": surplus} if surplus else {}),
            },
            video=clips[0].video if len(clips) == 1 else None,
        )

    def _data(self, entry: Entry) -> tuple[Path, ...]:
        return self._rows.get(entry.number) or (self.folder.data(entry.data),)

    def _video(self, entry: Entry, camera: str) -> Path:
        span = self._span(entry, camera)
        return self._videos.get((entry.number, camera)) or self.folder.video(span.video, camera)

    def _span(self, entry: Entry, camera: str) -> Span:
        return entry.spans[self.folder.videos.index(camera)]

    def _clips(self, entry: Entry, table: "pa.Table", place: str) -> list[Clip]:
        """The frames of each camera."""
        return [
            self._decode(entry, camera)
            if camera in self.folder.videos
            else Clip(images.decode(table[camera], f"{place}: {camera}"), None)
            for camera in self.folder.cameras
        ]

    def _decode(self, entry: Entry, camera: str) -> Clip:
        fps, path = self.folder.info.fps, self._video(entry, camera)
        place = f"{path}: {infos.key(entry.number)}"
        if not path.is_file():
            raise DataError(f"{place}: no such file; {infos.FETCH}")
        header = headers.read(path)
        if header.pixel_format and (reason := cameras.other_format(header.pixel_format)):
            raise DataError(f"{place}: is {reason}, not 8-bit colour; leave it out")
        if not self.folder.is_v3:
            return clips.whole(path, entry.length, entries.most_surplus(fps), fps, place)
        span = self._span(entry, camera)
        needed, last = self._last[camera][span.video]
        if (held := header.most_frames(fps)) < needed:
            raise DataError(
                f"{place}: the file holds {held} frames, but its episodes go on to {needed} "
                f"({infos.key(last)}): other episodes' frames would be read; fetch it again"
            )
        clip = clips.cut(path, span.first, entry.length, fps, place)
        return Clip(clip.frames, clip.video, span.end - span.first - entry.length)

    def other_than_colour(self, camera: str) -> str | None:
        """What the first file that can be read records if not 8-bit colour: info.json may lie."""
        for index in sorted(set(range(len(self))) - set(self.unreadable)):
            entry = self._entry(index)
            try:
                if camera in self.folder.videos:
                    header = headers.read(self._video(entry, camera))
                    return header.pixel_format and cameras.other_format(header.pixel_format)
                mode = images.mode(tables.first_row(self._data(entry)[0], camera))
                return mode and cameras.other_mode(mode)
            except DataError:
                continue  # says why when the episode is indexed
        return None


def _joined(table: "pa.Table", features: dict[str, int], place: str) -> NDArray[np.float32]:
    """Columns of vectors, one beside another: float32 [T, D]; D is 0 if there are none."""
    columns = [tables.matrix(table, name, dim, place) for name, dim in features.items()]
    return np.concatenate([np.zeros((len(table), 0), np.float32), *columns], axis=1)


def _numbers(entry: Entry, videos: int) -> list[int]:
    """The numbers of an entry; as many for one of which nothing is known."""
    spans = entry.spans or (Span(Place(0, 0), 0, 0),) * videos
    return [
        entry.number,
        entry.length,
        *entry.data,
        *(n for s in spans for n in (*s.video, *s[1:])),
    ]
