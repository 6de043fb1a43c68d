"""The episodes of a LeRobot data set of any supported version."""

import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.datasets import OfficialSplit
from pipeline.datasets.rt1.lerobot import clips, tables, v2, v3
from pipeline.datasets.rt1.lerobot import info as infos
from pipeline.datasets.rt1.lerobot.clips import Clip
from pipeline.datasets.rt1.lerobot.info import Entry, Info, Place
from pipeline.episodes.episode import Episode
from pipeline.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Folder:
    """A data set's folder, its info.json, the camera, and the sizes of actions and states."""

    raw: Path
    info: Info
    camera: str
    vectors: dict[str, int]

    @property
    def has_videos(self) -> bool:
        """Whether frames are stored as videos rather than as images in the parquet files."""
        return self.info.features[self.camera].dtype == "video"

    def data(self, place: Place) -> Path:
        """Path of a parquet file."""
        return self.raw / infos.fill(self.info.data_path, place)

    def video(self, place: Place) -> Path:
        """Path of a video file of the camera."""
        assert self.info.video_path is not None
        return self.raw / infos.fill(self.info.video_path, place, self.camera)


def open_folder(raw: Path, camera: str) -> "LeRobotSource":
    """List the episodes whose files exist; report on stderr how many are missing.

    Args:
        raw: the data set's folder.
        camera: feature whose frames are read.

    Raises:
        DataError: a meta file is missing, damaged or contradicts another; there is no such camera;
            no episode is complete.
    """
    info = infos.read(raw)
    infos.camera(info, camera, raw)
    folder = Folder(raw, info, camera, infos.vectors(info, raw))
    if info.codebase_version == "v3.0":
        entries = v3.read_entries(raw, info, camera if folder.has_videos else None)
    else:
        entries = v2.read_entries(raw, info)
    if len(entries) != info.total_episodes:
        raise DataError(
            f"{raw}/meta: lists {len(entries)} episodes, but {infos.FILE} has total_episodes = "
            f"{info.total_episodes}; fetch meta/ again"
        )
    present = _present(entries, folder)
    if not present:
        raise DataError(
            f"{raw}: none of its {len(entries)} episodes has its files; fetch data/ and videos/"
        )
    if missing := len(entries) - len(present):
        counts = f"{missing} of {len(entries)} episodes are missing, {len(present)} are read"
        print(f"{raw}: {counts}", file=sys.stderr)
    return LeRobotSource(folder, present)


def _present(entries: list[Entry], folder: Folder) -> list[Entry]:
    """The episodes whose files exist, by number."""
    data_files = {p for p in {e.data for e in entries} if folder.data(p).is_file()}
    present = sorted(entry for entry in entries if entry.data in data_files)
    if not folder.has_videos:
        return present
    video_files = {p for p in {e.video for e in present} if folder.video(p).is_file()}
    return [entry for entry in present if entry.video in video_files]


class LeRobotSource:
    """LeRobotSource of a LeRobot folder; a `pipeline.datasets.Source`."""

    split: OfficialSplit | None = None

    def __init__(self, folder: Folder, entries: list[Entry]) -> None:
        """The episodes of `entries`; no file is opened before an episode is indexed."""
        self.folder = folder
        # An array, because every worker process is sent a pickle: fast and small.
        numbers = [(e.number, e.length, e.first, *e.data, *e.video) for e in entries]
        self._numbers = np.array(numbers, np.int64)
        self._tasks = [sys.intern(entry.task) for entry in entries]

    def _entry(self, index: int) -> Entry:
        number, length, first, *places = self._numbers[index].tolist()
        data, video = Place(*places[:2]), Place(*places[2:])
        return Entry(number, length, first, data, video, self._tasks[index])

    def __len__(self) -> int:
        """Number of episodes whose files exist."""
        return len(self._numbers)

    def key(self, index: int) -> str:
        """Name of an episode, from its `episode_index`."""
        return infos.key(int(self._numbers[index, 0]))

    def __getitem__(self, index: int) -> Episode:
        """Read one episode.

        Raises:
            DataError: its files are damaged, or contradict each other or the meta files.
        """
        folder, entry = self.folder, self._entry(index)
        path = folder.data(entry.data)
        place = f"{path}: {self.key(index)}"
        rows = self._read_rows(index, path)
        _check_times(rows, entry.length, folder.info.fps, place)
        actions, *states = (
            tables.matrix(rows, name, dim, place) for name, dim in folder.vectors.items()
        )
        clip = self._decode(index) if folder.has_videos else _images(rows, folder.camera, place)
        return Episode(
            key=self.key(index),
            frames=clip.frames,
            actions=actions,
            states=np.concatenate([np.zeros((len(actions), 0), np.float32), *states], axis=1),
            meta={"task": entry.task, "fps": folder.info.fps},
            video=clip.video,
        )

    def _read_rows(self, index: int, path: Path) -> "pa.Table":
        folder = self.folder
        names = ("episode_index", "frame_index", "timestamp", *folder.vectors)
        images = () if folder.has_videos else (folder.camera,)
        return tables.episode(path, int(self._numbers[index, 0]), names + images)

    def _decode(self, index: int) -> Clip:
        entry, fps = self._entry(index), self.folder.info.fps
        path = self.folder.video(entry.video)
        place = f"{path}: {self.key(index)}"
        if not path.is_file():
            raise DataError(f"{place}: no such file; fetch it again")
        if self.folder.info.codebase_version == "v3.0":
            return clips.cut(path, entry.first, entry.length, fps, place)
        return clips.whole(path, entry.length, fps, place)


def _check_times(rows: "pa.Table", length: int, fps: float, place: str) -> None:
    """Check that there are `length` rows, numbered from 0, at timestamps 1/fps s apart."""
    if len(rows) != length:
        raise DataError(
            f"{place}: has {len(rows)} rows, but its length in meta/ is {length}; fetch both again"
        )
    numbers = rows["frame_index"].to_pylist()
    if numbers != list(range(length)):
        raise DataError(
            f"{place}: frame_index does not count from 0 to {length - 1}; fetch it again"
        )
    for number, seconds in zip(numbers, rows["timestamp"].to_numpy(), strict=True):
        if clips.frame_number(seconds, fps, place) != number:
            raise DataError(
                f"{place}: frame {number} has timestamp {seconds:.6g} s, expected "
                f"{number / fps:.6g} s; correct fps in meta/info.json or fetch it again"
            )


def _images(rows: "pa.Table", name: str, place: str) -> Clip:
    """Frames that are stored as image files within a parquet file."""
    from PIL import Image, UnidentifiedImageError

    frames: list[NDArray[np.uint8]] = []
    for cell in rows[name].to_pylist():
        try:
            frames.append(np.asarray(Image.open(io.BytesIO(cell["bytes"])).convert("RGB")))
        except (UnidentifiedImageError, OSError, TypeError) as error:
            reason = f"{name} at frame {len(frames)} is no image ({error})"
            raise DataError(f"{place}: {reason}; fetch it again") from None
    return Clip(np.stack(frames), None)
