"""Parquet files: columns of one or many episodes, and which episodes a file holds."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import parquet

EPISODE = "episode_index"


def read(path: Path, names: tuple[str, ...]) -> "pa.Table":
    """Read columns of a parquet file.

    Raises:
        DataError: the file is missing or damaged, or lacks a column.
    """
    with _opened(path, names) as file:
        return file.read(columns=list(names))


def records(path: Path, names: Mapping[str, str]) -> list[dict[str, object]]:
    """The rows of columns as dictionaries.

    Args:
        path: a parquet file.
        names: columns, by the key that each is to have.

    Raises:
        DataError: the file is missing or damaged, or lacks a column.
    """
    with _opened(path, tuple(names.values())) as file:
        table = file.read(columns=list(names.values())).rename_columns(list(names))
        rows: list[dict[str, object]] = table.to_pylist()
        return rows


def first_row(path: Path, name: str) -> object:
    """The first cell of a column, None if the file is empty.

    Raises:
        DataError: the file is missing or damaged, or lacks the column.
    """
    with _opened(path, (name,)) as file:
        batch = next(file.iter_batches(batch_size=1, columns=[name]), None)
        cell: object = batch.column(0)[0].as_py() if batch else None
        return cell


def episode(paths: Sequence[Path], index: int, names: tuple[str, ...]) -> "pa.Table":
    """The rows whose `episode_index` is `index`, in the order of the files.

    Raises:
        DataError: a file is missing or damaged, or lacks a column.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = []
    for path in paths:
        if not path.is_file():
            raise DataError(f"{path}: no such file; fetch it again")
        table = _cached(path, path.stat().st_mtime_ns, names)
        parts.append(table.filter(pc.equal(integers(table, EPISODE, path), index)))
    try:
        return pa.concat_tables(parts)
    except pa.ArrowException:
        listed = ", ".join(map(str, paths))
        raise DataError(f"{listed}: have columns of different types; fetch them again") from None


# A file of v3.0 holds thousands of episodes, which are read in random order.
@lru_cache(maxsize=4)
def _cached(path: Path, _mtime: int, names: tuple[str, ...]) -> "pa.Table":
    return read(path, names)


def episodes(path: Path) -> Counter[int]:
    """How many rows of each episode a file holds, mostly from its footer.

    Raises:
        DataError: the file is missing or damaged, or lacks `episode_index`.
    """
    import pyarrow as pa

    with _opened(path, (EPISODE,)) as file:
        meta, rows, mixed = file.metadata, Counter[int](), []
        leaves = [meta.schema.column(n).path for n in range(meta.num_columns)]
        whole = pa.types.is_integer(file.schema_arrow.field(EPISODE).type)
        column = leaves.index(EPISODE) if whole else None
        for number in range(meta.num_row_groups):
            group = meta.row_group(number)
            held = None if column is None else group.column(column).statistics
            # lerobot writes an episode as a row group: its one value is in the statistics.
            if held is not None and held.has_min_max and held.min == held.max:
                rows[int(held.min)] += group.num_rows
            else:
                mixed.append(number)
        if mixed:
            table = file.read_row_groups(mixed, columns=[EPISODE])
            values = integers(table, EPISODE, path).drop_null().to_numpy()
            numbers, counts = np.unique(values, return_counts=True)
            rows.update(dict(zip(numbers.tolist(), counts.tolist(), strict=True)))
        return rows


def integers(table: "pa.Table", name: str, place: object) -> "pa.ChunkedArray":
    """A column of whole numbers as int64.

    Raises:
        DataError: it holds something else.
    """
    import pyarrow as pa

    return _cast(table, name, place, "integers", pa.int64())


def seconds(table: "pa.Table", name: str, place: object) -> NDArray[np.float64]:
    """A column of times as float64 [T]; NaN where a cell is empty.

    Raises:
        DataError: it holds something else.
    """
    import pyarrow as pa

    column = _cast(table, name, place, "numbers", pa.float64())
    return column.to_numpy(zero_copy_only=False)


def matrix(table: "pa.Table", name: str, dim: int, place: str) -> NDArray[np.float32]:
    """A column of vectors as float32 [T, dim].

    Raises:
        DataError: a row has another size, or a value is no number, NaN or infinite.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    column = table[name].combine_chunks()
    if isinstance(column, pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray):
        sizes = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        column = column.flatten()
    else:
        sizes = np.ones(len(column), np.int64)
    if len(wrong := np.flatnonzero(sizes != dim)):
        raise DataError(
            f"{place}: {name} has {sizes[wrong[0]]} values at frame {wrong[0]}, meta/info.json "
            f"says {dim}; fetch it again"
        )
    numbers = _cast(pa.table({name: column}), name, place, "numbers", pa.float64())
    with np.errstate(over="ignore"):  # becomes infinite, which is refused below
        values = numbers.to_numpy().astype(np.float32).reshape(-1, dim)
    invalid = np.argwhere(~np.isfinite(values))
    if len(invalid):
        step, component = invalid[0]
        raise DataError(
            f"{place}: {name}[{component}] is {values[step, component]} at frame {step}; "
            "fetch it again"
        )
    return values


def _cast(
    table: "pa.Table", name: str, place: object, expected: str, kind: "pa.DataType"
) -> "pa.ChunkedArray":
    import pyarrow as pa

    column = table[name]
    checks: tuple[Callable[[pa.DataType], bool], ...] = (
        pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_null
    )  # fmt: skip
    try:
        if not any(check(column.type) for check in checks):
            raise pa.ArrowInvalid
        return column.cast(kind, safe=pa.types.is_integer(kind))
    except pa.ArrowException:
        said = f"{name} holds {column.type}, expected {expected}"
        raise DataError(f"{place}: {said}; fetch it again") from None


@contextmanager
def _opened(path: Path, names: tuple[str, ...]) -> "Iterator[parquet.ParquetFile]":
    import pyarrow as pa
    from pyarrow import parquet

    if not path.is_file():
        raise DataError(f"{path}: no such file; the LeRobot layout needs it; fetch it again")
    try:
        with parquet.ParquetFile(path, page_checksum_verification=True) as file:
            for name in names:
                count = file.schema_arrow.names.count(name)
                if count != 1:
                    which = f"{count} columns" if count else "no column"
                    raise DataError(f"{path}: has {which} {name!r}; fetch it again")
            yield file
    except DataError:
        raise
    # Of a damaged file, Arrow also reports texts that are not UTF-8 and sizes that overflow.
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: damaged ({said}); fetch it again") from None
