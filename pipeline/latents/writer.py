"""Writing the zarr store of a latent cache: created empty, filled by shard, sealed last."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import Crc32cCodec

from pipeline.latents.shard_layout import CHUNK_FRAMES, shard_rows
from pipeline.latents.spec import SEAL, Column, Seal

WHOLE = {"array.write_empty_chunks": True}
"""Shards of zeros are written too, so that a missing file always means damage."""


def create(path: Path, columns: dict[str, Column], rows: int, shard: int) -> None:
    """Create empty arrays for `rows` latents, `shard` of them per file."""
    store = zarr.open_group(path, mode="a")
    for name, column in columns.items():
        _array(store, name, column, rows, shard)


def write_rows(path: Path, start: int, rows: dict[str, NDArray[Any]]) -> None:
    """Write one shard of each array: `rows` by the array's name, from row `start` on."""
    with zarr.config.set(WHOLE):
        store = zarr.open_group(path, mode="r+")
        for name, values in rows.items():
            store[name][start : start + len(values)] = values  # type: ignore[index]


def seal(path: Path, rows: Mapping[str, Sequence[NDArray[np.float32]]], value: Seal) -> None:
    """Write actions, states and cameras, and mark the store as complete.

    Args:
        path: the store.
        rows: of each of these columns that the spec has, the rows of each episode.
        value: what to seal it with.
    """
    store = zarr.open_group(path, mode="r+")
    for name, column in value.spec.columns().items():
        if not column.strided:
            values = np.concatenate(rows[name])
            shard = shard_rows(len(values), column.row_bytes, shards=1)
            _array(store, name, column, len(values), shard)
            write_rows(path, 0, {name: values})
    store.attrs[SEAL] = json.loads(value.model_dump_json())


def _array(store: zarr.Group, name: str, column: Column, rows: int, shard: int) -> None:
    store.create_array(
        name,
        shape=(rows, *column.shape),
        dtype=column.dtype,
        chunks=(CHUNK_FRAMES, *column.shape),
        shards=(shard, *column.shape),
        # Latents hardly compress; the checksum is there to notice a damaged file.
        compressors=[Crc32cCodec()],
        overwrite=True,
    )
