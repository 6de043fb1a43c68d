"""A folder: a .npz a column of numbers, and for frames a folder of JPEGs or of videos."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes import video
from pipeline.errors import DataError
from pipeline.files.content import read_bytes
from pipeline.files.npy import read_npz
from pipeline.formats._shared import pixels
from pipeline.formats.stable_worldmodel.storage import (
    FETCH,
    LENGTHS,
    OFFSETS,
    Column,
    checked_spans,
    column,
)


def open_folder(path: Path) -> "InFolder":
    """Read the lists of episodes.

    Raises:
        DataError: they are missing or damaged.
    """
    lists = [_array(path / f"{name}.npz", 0) for name in (LENGTHS, OFFSETS)]
    return InFolder(path, *checked_spans(lists[0], lists[1], None, path))


@dataclass(frozen=True, slots=True)
class InFolder:
    """A `Storage`."""

    path: Path
    lengths: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def columns(self) -> list[Column]:
        """Folders of frames, then files of numbers."""
        folders = sorted(path.name for path in self.path.iterdir() if path.is_dir())
        frames = [Column(name, "video or images", (), True, False) for name in folders]
        numbers = []
        for path in sorted(self.path.glob("*.npz")):
            if path.stem not in (LENGTHS, OFFSETS):
                numbers.append(_column(path))
        return frames + numbers

    def column(self, name: str) -> Column:
        """The column of that name."""
        return column(self.columns(), name, self.path)

    def place(self, name: str, index: int) -> str:
        """The file or folder of a column, and the episode."""
        folder = self.path / name
        return f"{folder if folder.is_dir() else f'{folder}.npz'}: episode {index}"

    def frames(self, name: str, index: int) -> tuple[NDArray[np.uint8], bytes | None]:
        """The frames of an episode, and the video that they were decoded from if they were."""
        folder = self.path / name
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder of frames; {FETCH}")
        length = int(self.lengths[index])
        path = folder / f"ep_{index}.mp4"
        if path.is_file():
            content = path.read_bytes()
            return video.decode(content, str(path), length), content
        images = [self._image(folder, index, step) for step in range(length)]
        files = (read_bytes(image, FETCH) for image in images)
        return pixels.decode(files, length, self.place(name, index), FETCH), None

    def _image(self, folder: Path, index: int, step: int) -> Path:
        path = folder / f"ep_{index}_step_{step}.jpeg"
        return path if path.is_file() else path.with_suffix(".jpg")

    def numbers(self, name: str, index: int) -> NDArray[Any]:
        """The rows of an episode."""
        path = self.path / f"{name}.npz"
        array = _array(path, path.stat().st_mtime_ns if path.is_file() else 0)
        start = int(self.offsets[index])
        stop = start + int(self.lengths[index])
        if array.dtype.kind not in "biuf" or len(array) < stop:
            raise DataError(
                f"{path}: holds {array.dtype} {list(array.shape)}, where episode {index} is rows "
                f"{start} to {stop} of numbers; {FETCH}"
            )
        return array[start:stop].reshape(stop - start, -1)


def _column(path: Path) -> Column:
    try:
        array = _array(path, path.stat().st_mtime_ns)
    except DataError:  # texts, which are pickled, or damaged: refused if it is chosen
        return Column(path.stem, "no numbers", (), False, False)
    return Column(path.stem, str(array.dtype), array.shape[1:], False, array.dtype.kind in "biuf")


@lru_cache(maxsize=8)
def _array(path: Path, _mtime: int) -> NDArray[Any]:
    """The array of a .npz file of one, at least 1-D."""
    arrays = list(read_npz(path, FETCH).values())
    if len(arrays) != 1 or arrays[0].ndim == 0:
        raise DataError(f"{path}: holds no single array of rows; {FETCH}")
    array: NDArray[Any] = arrays[0]
    return array
