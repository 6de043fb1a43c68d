"""Tables of actions and states: CSV files, parquet files, and arrays of numpy."""

import csv
import io
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import DataError, did_you_mean
from pipeline.files.content import parsing, read_bytes
from pipeline.files.npy import LARGEST, read_npy

if TYPE_CHECKING:
    import pyarrow as pa

MEND = "mend the table, or export it again"
DELIMITERS = ("\t", ";", ",")
CLOCK = re.compile(
    r"|unnamed: \d+|(#|no|idx|id|index|row|line|t|ts|time|timestamps?|datetime|date|seconds?|ms|us"
    r"|frame|step)([ _-]*(\(?(s|ms|us|ns|sec|seconds|id|idx|index|no|nr|number|stamp|count)\)?))?"
)
"""Names of columns that count rows or tell the time."""
EPISODE_COLUMNS = ("episode", "episode_index", "episode_id", "video", "file", "filename", "clip")
"""Columns that may say which episode a row belongs to."""


def read(path: Path) -> "pa.Table":
    """The columns of a table by name; those of a CSV without a header or of an array are 0, 1, ..

    Raises:
        DataError: it is missing or damaged, or two columns have one name.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; every episode needs its frames and its rows")
    suffix = path.suffix.lower()
    table = _array(path) if suffix == ".npy" else _arrow(path, suffix)
    for name in table.column_names:
        if table.column_names.count(name) > 1:
            raise DataError(f"{path}: has two columns {name!r}; rename one of them")
    return table


def _array(path: Path) -> "pa.Table":
    import pyarrow as pa

    values = read_npy(path, MEND)
    if values.ndim not in (1, 2) or values.dtype.kind not in "biuf":
        raise DataError(
            f"{path}: holds {values.dtype} {list(values.shape)}, where rows of numbers [T, A] are "
            "expected; save such an array in its place"
        )
    columns = values.reshape(len(values), -1).T
    return pa.table({str(index): np.ascontiguousarray(c) for index, c in enumerate(columns)})


def _arrow(path: Path, suffix: str) -> "pa.Table":
    from pyarrow import parquet

    if suffix != ".parquet":
        return _csv(path)
    with parsing(path, MEND), parquet.ParquetFile(path, page_checksum_verification=True) as file:
        groups = range(file.metadata.num_row_groups)
        claimed = sum(file.metadata.row_group(group).total_byte_size for group in groups)
        claimed = max(claimed, 8 * file.metadata.num_rows)
        if claimed > LARGEST:
            raise ValueError(f"it claims {claimed:,} bytes, where at most {LARGEST:,} are expected")
        return file.read()


def _csv(path: Path) -> "pa.Table":
    import pyarrow.csv as reader

    content = read_bytes(path, MEND)
    with parsing(path, MEND):
        first = content.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].decode()
        delimiter = next((sign for sign in DELIMITERS if sign in first), ",")
        cells = [cell.strip() for cell in next(csv.reader([first], delimiter=delimiter), [])]
        headless = bool(cells) and all(map(_is_number, cells))
        names = [str(index) for index in range(len(cells))] if headless else None
        table = reader.read_csv(
            io.BytesIO(content),
            read_options=reader.ReadOptions(column_names=names, use_threads=False),
            parse_options=reader.ParseOptions(delimiter=delimiter),
        )
        # numpy.savetxt begins a header with a hash
        return table.rename_columns([name.strip().lstrip("# ") for name in table.column_names])


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def numeric(table: "pa.Table") -> list[str]:
    """Columns of numbers or of vectors of numbers that neither count rows nor tell the time."""
    return [
        field.name
        for field in table.schema
        if _holds_numbers(field.type) and not CLOCK.fullmatch(field.name.lower().strip())
    ]


def _holds_numbers(kind: "pa.DataType") -> bool:
    import pyarrow.types as types

    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        kind = kind.value_type
    number = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    return bool(number)


def action_columns(numeric: list[str], states: Sequence[str]) -> list[str]:
    """Columns that are actions where nobody says it: those called so, else all but states."""
    chosen = [name for name in numeric if name.lower().startswith("action")]
    return chosen or [name for name in numeric if name not in states]


def state_columns(numeric: list[str]) -> list[str]:
    """Columns that are states where nobody says it: those called so."""
    return [name for name in numeric if name.lower().startswith(("state", "observation"))]


def episode_column(names: Sequence[str]) -> str | None:
    """The column that says which episode a row is of, by its name."""
    return next((name for name in names if name.lower() in EPISODE_COLUMNS), None)


def choices(table: "pa.Table", actions: Sequence[str]) -> int | None:
    """How many actions a column of whole numbers may choose from; None if actions are others."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(actions) != 1 or not pa.types.is_integer(table.schema.field(actions[0]).type):
        return None
    bounds = pc.min_max(table[actions[0]]).as_py()
    return None if bounds["min"] is None or bounds["min"] < 0 else max(2, bounds["max"] + 1)


def matrix(table: "pa.Table", names: Sequence[str], place: str) -> NDArray[np.float32]:
    """Columns side by side, float32 [T, D]; empty cells are NaN.

    Raises:
        DataError: there is no such column, or it holds something else than numbers.
    """
    parts = [np.zeros((len(table), 0), np.float32)]
    for name in names:
        if name not in table.column_names:
            known = did_you_mean(name, table.column_names)
            raise DataError(f"{place}: has no column {name!r}; {known}")
        if not _holds_numbers(table.schema.field(name).type):
            raise DataError(
                f"{place}: column {name!r} holds {table.schema.field(name).type}, not numbers; "
                "leave it out, or mend what is no number"
            )
        with np.errstate(over="ignore"):  # becomes infinite, which an Episode refuses
            parts.append(_column(table, name, place).astype(np.float32))
    return np.concatenate(parts, axis=1)


def _column(table: "pa.Table", name: str, place: str) -> NDArray[np.float64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    column, width = table[name].combine_chunks(), 1
    if not pa.types.is_primitive(column.type):
        sizes = set(pc.list_value_length(column).to_pylist())
        if len(sizes) > 1 or None in sizes:
            raise DataError(f"{place}: column {name!r} has vectors of different sizes; {MEND}")
        width = next(iter(sizes), 0)
        column = column.flatten()
    numbers = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.asarray(numbers, np.float64).reshape(-1, width)


def of_episode(path: Path, column: str, episode: str) -> "pa.Table":
    """The rows of one episode in a table of all.

    Args:
        path: the table.
        column: says which episode a row belongs to: by its name, a file of that name, or the number
            that the name ends with.
        episode: the name.

    Raises:
        DataError: the table is missing or damaged, or has no such column or no such rows.
    """
    import pyarrow as pa

    table, cells = _whole(path, path.stat().st_mtime_ns if path.is_file() else 0, column)
    number = re.search(r"\d+$", episode)
    same = {episode, str(int(number[0]))} if number else {episode}
    chosen = np.flatnonzero([cell in same for cell in cells])
    if not len(chosen):
        raise DataError(
            f"{path}: no row has {column} = {episode!r}; add its rows, or take its frames away"
        )
    return table.take(pa.array(chosen))


@lru_cache(maxsize=2)
def _whole(path: Path, _mtime: int, column: str) -> "tuple[pa.Table, list[str]]":
    """A table of all episodes, and the name of the episode of each row."""
    table = read(path)
    if column not in table.column_names:
        raise DataError(
            f"{path}: has no column {column!r}; {did_you_mean(column, table.column_names)}"
        )
    return table, [Path(str(cell)).stem for cell in table[column].to_pylist()]
