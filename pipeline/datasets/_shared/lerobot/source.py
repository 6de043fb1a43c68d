"""The episodes of a LeRobot folder of any version."""

import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.datasets import OfficialSplit
from pipeline.datasets._shared.lerobot import clips, tables, v2, v3
from pipeline.datasets._shared.lerobot import info as infos
from pipeline.datasets._shared.lerobot.clips import Clip
from pipeline.datasets._shared.lerobot.info import Info, Listed, Place
from pipeline.episodes.episode import Episode
from pipeline.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Folder:
    """A set's folder, its info.json, the camera, and the sizes of actions and states."""

    raw: Path
    info: Info
    camera: str
    vectors: dict[str, int]

    @property
    def films(self) -> bool:
        """Whether frames lie in videos, not as images in the parquet files."""
        return self.info.features[self.camera].dtype == "video"

    def data(self, place: Place) -> Path:
        """A parquet file."""
        return self.raw / infos.fill(self.info.data_path, place)

    def video(self, place: Place) -> Path:
        """A video file of the camera."""
        assert self.info.video_path is not None
        return self.raw / infos.fill(self.info.video_path, place, self.camera)


def open_folder(raw: Path, camera: str) -> "Episodes":
    """List the episodes whose files are there; say on stderr how many are not.

    Args:
        raw: the set's folder.
        camera: feature whose frames are read.

    Raises:
        DataError: a meta file is missing, damaged or contradicts another; there is no such camera;
            no episode has its files.
    """
    info = infos.read(raw)
    infos.camera(info, camera, raw)
    folder = Folder(raw, info, camera, infos.vectors(info, raw))
    if info.codebase_version == "v3.0":
        listed = v3.listed(raw, info, camera if folder.films else None)
    else:
        listed = v2.listed(raw, info)
    if len(listed) != info.total_episodes:
        raise DataError(
            f"{raw}/meta: lists {len(listed)} episodes, but {infos.FILE} has total_episodes = "
            f"{info.total_episodes}; fetch meta/ again"
        )
    present = _present(listed, folder)
    if not present:
        raise DataError(
            f"{raw}: has the files of none of its {len(listed)} episodes; fetch data/ and videos/"
        )
    if len(present) < len(listed):
        absent = len(listed) - len(present)
        said = f"{absent} of {len(listed)} episodes are absent, {len(present)} are read"
        print(f"{raw}: {said}", file=sys.stderr)
    return Episodes(folder, present)


def _present(listed: list[Listed], folder: Folder) -> list[Listed]:
    """Those episodes whose files are there, by number."""
    tables_here = {p for p in {e.data for e in listed} if folder.data(p).is_file()}
    present = sorted(episode for episode in listed if episode.data in tables_here)
    if not folder.films:
        return present
    films_here = {p for p in {e.video for e in present} if folder.video(p).is_file()}
    return [episode for episode in present if episode.video in films_here]


class Episodes:
    """See `pipeline.datasets.Source`."""

    split: OfficialSplit | None = None

    def __init__(self, folder: Folder, listed: list[Listed]) -> None:
        """Remember what to read; nothing is opened before an episode is indexed."""
        self.folder = folder
        # Few objects, because every other process is sent a copy.
        rows = [(e.number, e.length, e.first, *e.data, *e.video) for e in listed]
        self._rows = np.array(rows, np.int64)
        self._tasks = [sys.intern(episode.task) for episode in listed]

    def _listed(self, index: int) -> Listed:
        number, length, first, *places = self._rows[index].tolist()
        data, video = Place(*places[:2]), Place(*places[2:])
        return Listed(number, length, first, data, video, self._tasks[index])

    def __len__(self) -> int:
        """Number of episodes that are there."""
        return len(self._rows)

    def key(self, index: int) -> str:
        """Name of an episode, by its number in the set."""
        return infos.key(int(self._rows[index, 0]))

    def __getitem__(self, index: int) -> Episode:
        """Read one episode.

        Raises:
            DataError: its files are damaged, or contradict each other or the meta files.
        """
        folder, listed = self.folder, self._listed(index)
        path = folder.data(listed.data)
        place = f"{path}: {self.key(index)}"
        rows = self._rows_of(index, path)
        _check_times(rows, listed.length, folder.info.fps, place)
        actions, *states = (
            tables.matrix(rows, name, dim, place) for name, dim in folder.vectors.items()
        )
        clip = self._filmed(index) if folder.films else _images(rows, folder.camera, place)
        return Episode(
            key=self.key(index),
            frames=clip.frames,
            actions=actions,
            states=np.concatenate([np.zeros((len(actions), 0), np.float32), *states], axis=1),
            meta={"task": listed.task, "fps": folder.info.fps},
            video=clip.video,
        )

    def _rows_of(self, index: int, path: Path) -> "pa.Table":
        folder = self.folder
        names = ("episode_index", "frame_index", "timestamp", *folder.vectors)
        films = () if folder.films else (folder.camera,)
        return tables.episode(path, int(self._rows[index, 0]), names + films)

    def _filmed(self, index: int) -> Clip:
        listed, fps = self._listed(index), self.folder.info.fps
        path = self.folder.video(listed.video)
        place = f"{path}: {self.key(index)}"
        if not path.is_file():
            raise DataError(f"{place}: no such file; fetch it again")
        if self.folder.info.codebase_version == "v3.0":
            return clips.cut(path, listed.first, listed.length, fps, place)
        return clips.whole(path, listed.length, fps, place)


def _check_times(rows: "pa.Table", length: int, fps: float, place: str) -> None:
    """Rows must be as many as meta says, numbered from 0, and one each 1/fps s."""
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
    """Frames that are stored as files within a parquet file."""
    from PIL import Image, UnidentifiedImageError

    frames: list[NDArray[np.uint8]] = []
    for cell in rows[name].to_pylist():
        try:
            frames.append(np.asarray(Image.open(io.BytesIO(cell["bytes"])).convert("RGB")))
        except (UnidentifiedImageError, OSError, TypeError) as error:
            said = f"{name} at frame {len(frames)} is no image ({error})"
            raise DataError(f"{place}: {said}; fetch it again") from None
    return Clip(np.stack(frames), None)
