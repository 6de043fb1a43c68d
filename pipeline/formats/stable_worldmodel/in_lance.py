"""A Lance table: a row a step, frames as JPEGs, every number as float32."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import DataError, MachineError
from pipeline.files.content import parsing
from pipeline.formats._shared import pixels
from pipeline.formats.stable_worldmodel.storage import FETCH, Column, column

if TYPE_CHECKING:
    import pyarrow as pa

EPISODE, STEP = "episode_idx", "step_idx"
INSTALL = "reading Lance needs pylance; pip install -e '.[lance]'"
LARGEST = 2**33
"""Rows of the largest table."""


def _dataset(path: Path) -> Any:
    os.environ.setdefault("LANCE_LOG", "error")  # read when the library is loaded
    try:
        import lance
    except ImportError:
        raise MachineError(f"{path}: {INSTALL}") from None
    if not path.is_dir():
        raise DataError(f"{path}: no such folder; {FETCH}")
    with _reading(path):
        return lance.dataset(str(path))


@contextmanager
def _reading(place: Path | str) -> Iterator[None]:
    """`parsing`, and a panic of Lance too: one is no Exception, and damage can cause it."""
    try:
        with parsing(place, FETCH):
            yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise DataError(f"{place}: damaged ({error}); {FETCH}".replace("\n", " ")) from None


def open_lance(path: Path) -> "InLance":
    """Read which episode each row is of.

    Raises:
        DataError: the table is damaged, or the rows of an episode do not lie together.
        MachineError: pylance is not installed.
    """
    dataset = _dataset(path)
    with _reading(path):
        for name in (EPISODE, STEP):
            if name not in dataset.schema.names:
                raise ValueError(f"no column {name}")
        table = dataset.to_table(columns=[EPISODE, STEP])
        episodes = table[EPISODE].to_numpy().astype(np.int64)
        steps = table[STEP].to_numpy().astype(np.int64)
    starts = np.flatnonzero(np.diff(episodes, prepend=-1))
    if not len(episodes) or len(set(episodes[starts].tolist())) < len(starts):
        raise DataError(
            f"{path}: has no rows, or those of an episode do not lie together; write the table "
            "again, episode by episode"
        )
    lengths = np.diff(starts, append=len(episodes))
    if not np.array_equal(steps, np.arange(len(steps)) - np.repeat(starts, lengths)):
        raise DataError(f"{path}: the steps of an episode are not in order; {FETCH}")
    return InLance(path, lengths, starts)


@dataclass(frozen=True, slots=True)
class InLance:
    """A `Storage`."""

    path: Path
    lengths: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def columns(self) -> list[Column]:
        """All columns but the two that count."""
        import pyarrow as pa

        found = []
        for field in _dataset(self.path).schema:
            if field.name in (EPISODE, STEP):
                continue
            binary = pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type)
            vector = pa.types.is_fixed_size_list(field.type)
            shape = (field.type.list_size,) if vector else ()
            kind = field.type.value_type if vector else field.type
            numbers = pa.types.is_floating(kind) or pa.types.is_integer(kind)
            found.append(
                Column(field.name, "images" if binary else str(kind), shape, binary, numbers)
            )
        return found

    def column(self, name: str) -> Column:
        """The column of that name."""
        return column(self.columns(), name, self.path)

    def place(self, name: str, index: int) -> str:
        """The table, the column and the episode."""
        return f"{self.path}: {name} of episode {index}"

    def frames(self, name: str, index: int) -> tuple[NDArray[np.uint8], None]:
        """The frames of an episode."""
        cells, place = self._cells(name, index), self.place(name, index)
        import pyarrow as pa

        if not (pa.types.is_binary(cells.type) or pa.types.is_large_binary(cells.type)):
            raise DataError(f"{place} is {cells.type}, no images; choose another column")
        files = (cell.as_py() or b"" for cell in cells)
        return pixels.decode(files, len(cells), place, FETCH), None

    def numbers(self, name: str, index: int) -> NDArray[Any]:
        """The rows of an episode."""
        import pyarrow as pa

        cells, place = self._cells(name, index), self.place(name, index)
        length = len(cells)
        if pa.types.is_fixed_size_list(cells.type):
            cells = cells.flatten()
        if not (pa.types.is_floating(cells.type) or pa.types.is_integer(cells.type)):
            raise DataError(f"{place} is {cells.type}, no numbers; choose another column")
        values: NDArray[Any] = cells.to_numpy(zero_copy_only=False)
        if len(values) % length:
            raise DataError(f"{place}: rows are of different sizes; {FETCH}")
        return values.reshape(length, -1)

    def _cells(self, name: str, index: int) -> "pa.Array":
        dataset = _dataset(self.path)
        start, length = int(self.offsets[index]), int(self.lengths[index])
        with _reading(self.place(name, index)):
            table = dataset.to_table(columns=[name], offset=start, limit=length)
            return table[name].combine_chunks()
