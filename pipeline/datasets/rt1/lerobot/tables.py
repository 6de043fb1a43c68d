"""Parquet files: columns of one or many episodes."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa


def read(path: Path, names: tuple[str, ...]) -> "pa.Table":
    """Read columns of a parquet file.

    Raises:
        DataError: the file is missing or damaged, or lacks a column.
    """
    import pyarrow as pa
    from pyarrow import parquet

    if not path.is_file():
        raise DataError(f"{path}: no such file; the LeRobot layout needs it")
    try:
        file = parquet.ParquetFile(path)
        absent = [name for name in names if name not in file.schema_arrow.names]
        if absent:
            raise DataError(f"{path}: has no column {absent[0]!r}; fetch it again")
        return file.read(columns=list(names))
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: damaged ({reason}); fetch it again") from None


def episode(path: Path, index: int, names: tuple[str, ...]) -> "pa.Table":
    """The rows whose `episode_index` is `index`, in the order of the file.

    Raises:
        DataError: the file is missing or damaged, or lacks a column.
    """
    import pyarrow.compute as pc

    if not path.is_file():
        raise DataError(f"{path}: no such file; fetch it again")
    table = _cached(path, path.stat().st_mtime_ns, names)
    return table.filter(pc.equal(table["episode_index"], index))


# A file of v3.0 holds thousands of episodes, which are read in random order.
@lru_cache(maxsize=4)
def _cached(path: Path, _mtime: int, names: tuple[str, ...]) -> "pa.Table":
    return read(path, names)


def matrix(table: "pa.Table", name: str, dim: int, place: str) -> NDArray[np.float32]:
    """A column of vectors as float32 [T, dim].

    Raises:
        DataError: a row has another size, or a value is NaN or infinite.
    """
    import pyarrow as pa

    column = table[name].combine_chunks()
    while isinstance(column, pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray):
        column = column.flatten()
    values = column.to_numpy(zero_copy_only=False).astype(np.float32)
    if values.size != len(table) * dim:
        raise DataError(
            f"{place}: {name} holds {values.size} values in {len(table)} rows, "
            f"meta/info.json says {dim} in each; fetch it again"
        )
    values = values.reshape(len(table), dim)
    invalid = np.argwhere(~np.isfinite(values))
    if len(invalid):
        step, component = invalid[0]
        raise DataError(
            f"{place}: {name}[{component}] is {values[step, component]} at frame {step}; "
            "fetch it again"
        )
    return values
