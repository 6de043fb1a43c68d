"""An episode that Minari stored as Arrow or Parquet: a folder of files with a row for each step."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import DataError, did_you_mean
from pipeline.files.content import parsing
from pipeline.formats._shared import pixels
from pipeline.formats.minari.metadata import FETCH
from pipeline.formats.minari.spaces import Box, Leaf

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ("observations", "actions", "infos")
SHAPE = b"shape"
"""Key of a field's metadata: the shape of a row."""


class Steps:
    """The arrays of an episode; the row after the last step holds an observation alone."""

    def __init__(self, folder: Path, kind: str, observations: Mapping[str, Leaf]) -> None:
        """Read the files of a folder, of the kind "arrow" or "parquet".

        Raises:
            DataError: there are none, or one is damaged.
        """
        self.place, self.observations = str(folder), observations
        paths = sorted(folder.glob(f"*.{kind}"))
        if not paths:
            raise DataError(f"{folder}: holds no .{kind} file; {FETCH}")
        with parsing(folder, FETCH):
            self.table = _read(paths, kind)

    def count(self, path: str) -> int:
        column, _ = self._column(path)
        padded = path.split("/")[0] == "actions"
        return len(column) - padded

    def frames(self, path: str, count: int) -> NDArray[np.uint8]:
        import pyarrow as pa

        column, field = self._column(path)
        place = f"{self.place}: {path}"
        if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            files = (cell.as_py() or b"" for cell in column[:count])
            return pixels.decode(files, count, place, FETCH)
        values, space = self.numbers(path, count), self.observations.get(path)
        said = (field.metadata or {}).get(SHAPE, b"-1").split(b",")
        with parsing(place, FETCH):
            shape = space.shape if isinstance(space, Box) else map(int, said)
            values = values.reshape(count, *shape)
        if (problem := pixels.otherwise(values.shape, values.dtype)) is not None:
            raise DataError(f"{place} {problem}")
        return pixels.rgb(values)

    def numbers(self, path: str, count: int) -> NDArray[Any]:
        import pyarrow as pa

        column, _ = self._column(path)
        place, values = f"{self.place}: {path}", column[:count]
        empty = values.null_count
        if isinstance(values, pa.FixedSizeListArray):
            values = values.flatten()
        kind = values.type
        if not (
            pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
        ):
            raise DataError(f"{place} is {column.type}, no numbers; choose another")
        if empty or values.null_count:
            raise DataError(f"{place}: some steps have no value; {FETCH}")
        return values.to_numpy(zero_copy_only=False).reshape(count, -1)

    def _column(self, path: str) -> "tuple[pa.Array, pa.Field]":
        """An array, and what is said of it."""
        import pyarrow as pa

        top, *parts = path.split("/")
        if top not in self.table.column_names:
            raise DataError(f"{self.place}: no {path}; {did_you_mean(path, self._paths())}")
        column, field = self.table[top].combine_chunks(), self.table.schema.field(top)
        for part in parts:
            if not pa.types.is_struct(column.type) or column.type.get_field_index(part) < 0:
                raise DataError(f"{self.place}: no {path}; {did_you_mean(path, self._paths())}")
            field = column.type.field(part)
            column = column.field(part)
        return column, field

    def _paths(self) -> list[str]:
        return [path for top in self.table.schema for path in _paths(top, top.name)]


def _paths(field: "pa.Field", path: str) -> Iterator[str]:
    import pyarrow as pa

    if not pa.types.is_struct(field.type):
        yield path
        return
    for inner in field.type:
        yield from _paths(inner, f"{path}/{inner.name}")


def _read(paths: list[Path], kind: str) -> "pa.Table":
    import pyarrow as pa
    from pyarrow import parquet

    tables = []
    for path in paths:
        if kind == "parquet":
            with parquet.ParquetFile(path, page_checksum_verification=True) as file:
                table = file.read(
                    columns=[name for name in COLUMNS if name in file.schema_arrow.names]
                )
        else:
            with pa.memory_map(str(path)) as mapped, pa.ipc.open_file(mapped) as file:
                table = file.read_all()
        table.validate(full=True)
        tables.append(table)
    return pa.concat_tables(tables)
