"""The episodes of a LeRobot data set of any supported version."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.episodes.episode import Episode
from pipeline.errors import DataError
from pipeline.formats import OfficialSplit
from pipeline.formats.lerobot import (
    cameras,
    clips,
    entries,
    headers,
    images,
    locate,
    rows,
    tables,
    v2,
    v3,
)
from pipeline.formats.lerobot import info as infos
from pipeline.formats.lerobot.clips import Clip
from pipeline.formats.lerobot.entries import Entry, LastFrames
from pipeline.formats.lerobot.info import Place
from pipeline.formats.lerobot.locate import Folder, Located
from pipeline.formats.lerobot.rows import AlignBy


@dataclass(frozen=True, slots=True)
class Reading:
    """What of a data set is read, and how.

    Attributes:
        camera: feature whose frames are read.
        align_by: column by which rows find their frames.
        episodes: how many are read, from the first on; None is all.
    """

    camera: str
    align_by: AlignBy = "timestamp"
    episodes: int | None = None


def open_folder(raw: Path, reading: Reading) -> "LeRobotSource":
    """List the episodes; those of which something is missing are refused when they are indexed.

    Raises:
        DataError: a meta file is missing or damaged; there is no such camera, or it does not record
            8-bit colour; no episode has its files.
    """
    info = infos.read(raw)
    cameras.check(info, reading.camera, raw)
    folder = Folder(raw, info, reading.camera, infos.vectors(info, raw))
    if folder.is_v3:
        listed = v3.read_entries(raw, info, reading.camera if folder.has_videos else None)
    else:
        listed = v2.read_entries(raw, info)
    every = entries.checked(listed, info, raw / "meta")
    if reading.episodes is not None and reading.episodes > len(every):
        raise DataError(
            f"{raw}/meta: lists {len(every)} episodes, but datasets.NAME.episodes is "
            f"{reading.episodes}; lower it, or set it to null to read all"
        )
    chosen = every[: reading.episodes]
    located = locate.locate(folder, chosen)
    if len(located.absent) == len(chosen):
        raise DataError(
            f"{raw}: none of its {len(chosen)} episodes has its files; fetch data/ and videos/"
        )
    last = entries.last_frames(every) if folder.is_v3 else {}
    source = LeRobotSource(folder, chosen, located, reading.align_by, last)
    if reason := source.other_than_colour():
        raise cameras.refusal(info, reading.camera, raw, reason)
    return source


class LeRobotSource:
    """Episodes of a LeRobot folder; a `pipeline.formats.Source`."""

    split: OfficialSplit | None = None

    def __init__(
        self,
        folder: Folder,
        chosen: Sequence[Entry],
        located: Located,
        align_by: AlignBy,
        last: LastFrames,
    ) -> None:
        """The episodes `chosen`; no frame is decoded before an episode is indexed.

        `unreadable` are the indices of those of which it is known already.
        """
        self.folder = folder
        self.align_by: AlignBy = align_by
        # An array, because every worker process is sent a pickle: fast and small.
        numbers = [(e.number, e.length, e.first, e.end, *e.data, *e.video) for e in chosen]
        self._numbers = np.array(numbers, np.int64)
        self._tasks = [sys.intern(entry.task) for entry in chosen]
        self._rows, self._videos = located.rows, located.videos
        listed = {entry.number: entry.fault for entry in chosen if entry.fault is not None}
        self._faults = located.faults | listed
        unreadable = located.absent | self._faults.keys()
        self.unreadable = [n for n, entry in enumerate(chosen) if entry.number in unreadable]
        self._last = last

    def _entry(self, index: int) -> Entry:
        number, length, first, end, *places = self._numbers[index].tolist()
        data, video = Place(*places[:2]), Place(*places[2:])
        return Entry(number, length, first, end, data, video, self._tasks[index])

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
        table = rows.read(folder, entry, paths, self.align_by, place)
        actions, *states = (
            tables.matrix(table, name, dim, place) for name, dim in folder.vectors.items()
        )
        if folder.has_videos:
            clip = self._decode(entry)
        else:
            frames = images.decode(table[folder.camera], f"{place}: {folder.camera}")
            clip = Clip(frames, None)
        surplus = {"surplus_frames": clip.surplus} if clip.surplus else {}
        return Episode(
            key=self.key(index),
            frames=clip.frames,
            actions=actions,
            states=np.concatenate([np.zeros((len(actions), 0), np.float32), *states], axis=1),
            meta={"task": entry.task, "fps": folder.info.fps, **surplus},
            video=clip.video,
        )

    def _data(self, entry: Entry) -> tuple[Path, ...]:
        return self._rows.get(entry.number) or (self.folder.data(entry.data),)

    def _video(self, entry: Entry) -> Path:
        return self._videos.get(entry.number) or self.folder.video(entry.video)

    def _decode(self, entry: Entry) -> Clip:
        fps, path = self.folder.info.fps, self._video(entry)
        place = f"{path}: {infos.key(entry.number)}"
        if not path.is_file():
            raise DataError(f"{place}: no such file; {infos.FETCH}")
        header = headers.read(path)
        if header.pixel_format and (reason := cameras.other_format(header.pixel_format)):
            raise DataError(f"{place}: is {reason}, not 8-bit colour; leave it out")
        if not self.folder.is_v3:
            return clips.whole(path, entry.length, entries.most_surplus(fps), fps, place)
        needed, last = self._last[entry.video]
        if (held := header.most_frames(fps)) < needed:
            raise DataError(
                f"{place}: the file holds {held} frames, but its episodes go on to {needed} "
                f"({infos.key(last)}): other episodes' frames would be read; fetch it again"
            )
        clip = clips.cut(path, entry.first, entry.length, fps, place)
        return Clip(clip.frames, clip.video, entry.end - entry.first - entry.length)

    def other_than_colour(self) -> str | None:
        """What the first file that can be read records if not 8-bit colour: info.json may lie."""
        for index in sorted(set(range(len(self))) - set(self.unreadable)):
            entry = self._entry(index)
            try:
                if self.folder.has_videos:
                    header = headers.read(self._video(entry))
                    return header.pixel_format and cameras.other_format(header.pixel_format)
                path = self._data(entry)[0]
                mode = images.mode(tables.first_row(path, self.folder.camera))
                return mode and cameras.other_mode(mode)
            except DataError:
                continue  # says why when the episode is indexed
        return None
