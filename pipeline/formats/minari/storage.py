"""The arrays of one episode, wherever Minari stores them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.files.hdf5 import Hdf5, open_hdf5
from pipeline.formats._shared import hdf5_arrays
from pipeline.formats.minari import arrow
from pipeline.formats.minari.metadata import FETCH, Metadata

MAIN = "main_data.hdf5"


class Steps(Protocol):
    """An opened episode: its arrays by path, such as observations/pixels."""

    place: str
    """What errors call it."""

    def count(self, path: str) -> int:
        """Rows of an array.

        Raises:
            DataError: there is none of that path.
        """

    def frames(self, path: str, count: int) -> NDArray[np.uint8]:
        """The first rows as frames uint8 [count, H, W, 3].

        Raises:
            DataError: they are no images.
        """

    def numbers(self, path: str, count: int) -> NDArray[Any]:
        """The first rows as numbers [count, dim].

        Raises:
            DataError: they are no numbers.
        """


class _InHdf5:
    def __init__(self, file: Hdf5, group: str) -> None:
        self.file, self.group = file, group
        self.place = f"{file.path}: {group}"

    def count(self, path: str) -> int:
        return self.file.array(f"{self.group}/{path}").shape[0]

    def frames(self, path: str, count: int) -> NDArray[np.uint8]:
        array = self.file.array(f"{self.group}/{path}")
        return hdf5_arrays.frames(array, 0, count, f"{self.place}/{path}")

    def numbers(self, path: str, count: int) -> NDArray[Any]:
        array = self.file.array(f"{self.group}/{path}")
        return hdf5_arrays.numbers(array, 0, count, f"{self.place}/{path}")


def episodes(metadata: Metadata) -> list[int]:
    """Numbers of the episodes that are stored, ascending.

    Raises:
        DataError: the file of all is missing or damaged.
    """
    if metadata.stored == "hdf5":
        with open_hdf5(metadata.folder / MAIN, FETCH) as file:
            names = [name.removeprefix("episode_") for name in file.names()]
    else:
        names = [path.name for path in metadata.folder.iterdir() if path.is_dir()]
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())


@contextmanager
def opened(metadata: Metadata, episode: int) -> Iterator[Steps]:
    """Open an episode.

    Raises:
        DataError: its file is missing or damaged.
    """
    if metadata.stored == "hdf5":
        with open_hdf5(metadata.folder / MAIN, FETCH) as file:
            yield _InHdf5(file, f"episode_{episode}")
    else:
        folder: Path = metadata.folder / str(episode)
        yield arrow.Steps(folder, metadata.stored, metadata.observations)
