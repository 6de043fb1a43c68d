"""Mutations of parquet and HDF5 files, by the libraries that write them."""

import io
import random
from typing import Any


def mutated_parquet(content: bytes, rng: random.Random) -> bytes:
    """A parquet file with other columns, rows or values."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(content))
    place = rng.randrange(table.num_columns)
    name, column = table.column_names[place], table.column(place)
    change = rng.randrange(10)
    if change == 0:
        table = table.remove_column(place)
    elif change == 1:
        table = table.rename_columns([f"{n}x" if n == name else n for n in table.column_names])
    elif change == 2:
        table = rng.choice((table[:0], table[1:], table[: len(table) // 2], table[:1]))
    elif change == 3:
        table = pa.concat_tables(
            [table, rng.choice((table, table[:1], table[::-1] if 0 else table))]
        )
    elif change == 4:
        table = table.append_column(name, column)
    elif change == 5:
        table = table.take(list(range(len(table)))[::-1])
    else:
        values = [_cell(value, rng) for value in column.to_pylist()]
        if rng.random() < 0.5:
            values = column.to_pylist()
            values[rng.randrange(len(values))] = None
        try:
            replaced = pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            replaced = pa.nulls(len(table))
        table = table.set_column(place, name, replaced)
    out = io.BytesIO()
    pq.write_table(table, out, compression=rng.choice(("snappy", "zstd", "none")))
    return out.getvalue()


def _cell(value: Any, rng: random.Random) -> Any:
    kind = rng.randrange(4)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (value, -1, 10**15, float("nan"))[kind]
    if isinstance(value, list):
        return (value, value[:1], [float("nan")] * len(value), [])[kind]
    if isinstance(value, dict):
        return (value, {}, {"bytes": b"x", "path": None}, {"bytes": None, "path": "x"})[kind]
    return (value, "", "x" * 5000, "../../x")[kind]


def mutated_hdf5(content: bytes, rng: random.Random) -> bytes:
    """An HDF5 file with a dataset gone, of another shape or type, or a group or link."""
    import h5py
    import numpy as np

    stream = io.BytesIO(content)
    with h5py.File(stream, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        for _ in range(rng.choice((1, 1, 3))):
            name = rng.choice(names)
            if name not in file:
                continue
            held, change = file.get(name), rng.randrange(9)
            if held is None:  # a link that an earlier turn left there leads nowhere
                continue
            whole = isinstance(held, h5py.Dataset) and (held.size or 0) < 10**6
            array = held[()] if whole else np.zeros(3)
            del file[name]
            if change == 1:
                file[name] = array[:0] if getattr(array, "ndim", 0) else 0
            elif change == 2:
                file[name] = np.full((3, 3), np.nan)
            elif change == 3:
                file.create_dataset(name, (10**6, 10**6), "f8", chunks=(100, 100))
            elif change == 4:
                file[name] = "text"
            elif change == 5:
                file.create_group(name)
            elif change == 6:
                file[name] = rng.choice(
                    (
                        h5py.SoftLink("/nowhere"),
                        h5py.ExternalLink("x.hdf5", "/x"),
                        h5py.SoftLink(name),
                    )
                )
            elif change == 7:
                values = np.asarray(array)
                if values.dtype.kind not in "biuf":
                    values = np.zeros(values.shape)
                file[name] = values[..., None].astype(rng.choice(("f4", "i8", "S2")))
            elif change == 8:
                file.create_dataset(name, data=h5py.Empty("f4"))
    return stream.getvalue()
