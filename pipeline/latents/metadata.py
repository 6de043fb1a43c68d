"""zarr.json of a latent cache, checked before zarr reads it: its sizes have files behind them."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from pipeline.errors import DataError
from pipeline.files.json_model import FileModel, read_json
from pipeline.latents.spec import SEAL, Column, Seal

METADATA = "zarr.json"
LARGEST = 2**30
"""Bytes of the largest shard."""
Axis = Annotated[int, Field(gt=0, le=2**40)]
Axes = Annotated[tuple[Axis, ...], Field(min_length=1, max_length=8)]


class Attributes(FileModel):
    """Attributes of the store."""

    seal: Seal | None = Field(None, alias=SEAL)


class GroupMetadata(FileModel):
    """zarr.json of the store; zarr-python raises a TypeError at a key that it does not know."""

    model_config = ConfigDict(extra="forbid")

    zarr_format: Literal[3]
    node_type: Literal["group"]
    attributes: Attributes = Attributes()
    consolidated_metadata: dict[str, object] | None = None


class Codec(FileModel):
    """A codec of bytes: none of ours compresses, so the size of a file is that of its chunks."""

    name: Literal["bytes", "crc32c"]


class Chunks(FileModel):
    """Shape of the chunks of a grid."""

    chunk_shape: Axes


class Grid(FileModel):
    """A regular grid of chunks, each a file."""

    name: Literal["regular"]
    configuration: Chunks


class Sharding(Chunks):
    """Chunks within a file."""

    codecs: list[Codec]
    index_codecs: list[Codec]


class ShardingCodec(FileModel):
    """The codec of a file."""

    name: Literal["sharding_indexed"]
    configuration: Sharding


class ArrayMetadata(FileModel):
    """zarr.json of an array."""

    zarr_format: Literal[3]
    node_type: Literal["array"]
    shape: Axes
    data_type: Literal["float16", "float32", "int8"]
    chunk_grid: Grid
    codecs: tuple[ShardingCodec]
    fill_value: float
    storage_transformers: tuple[()] = ()


def read_seal(path: Path, way_out: str) -> Seal:
    """The seal of a store.

    Raises:
        DataError: zarr.json or the seal is damaged, or encode has not sealed the store.
    """
    seal = read_json(path / METADATA, GroupMetadata, way_out).attributes.seal
    if seal is None:
        raise DataError(f"{path}: not sealed, as encode did not finish; {way_out}")
    return seal


def is_of(path: Path, columns: Mapping[str, Column], rows: int, shard: int) -> bool:
    """Whether a store that is not sealed yet has arrays of `rows` in files of `shard` rows."""
    try:
        read_json(path / METADATA, GroupMetadata, "")
        for name, column in columns.items():
            array = read_json(path / name / METADATA, ArrayMetadata, "")
            grid = array.chunk_grid.configuration.chunk_shape
            if (array.shape, grid) != ((rows, *column.shape), (shard, *column.shape)):
                return False
    except DataError:
        return False
    return True


def check_array(path: Path, rows: int, column: Column, way_out: str) -> None:
    """Hold the zarr.json of an array against what its rows take, and that against its files.

    Raises:
        DataError: it is damaged, of another shape, or its files are not all there.
    """
    shape = (rows, *column.shape)
    if not (path / METADATA).is_file():
        raise DataError(f"{path}: missing or not {shape}; {way_out}")
    array = read_json(path / METADATA, ArrayMetadata, way_out)
    shard, chunk = array.chunk_grid.configuration, array.codecs[0].configuration
    if array.shape != shape or array.data_type != column.dtype:
        raise DataError(f"{path}: missing or not {shape} of {column.dtype}; {way_out}")
    (shard_rows, *shard_row), (chunk_rows, *chunk_row) = shard.chunk_shape, chunk.chunk_shape
    fits = tuple(shard_row) == tuple(chunk_row) == column.shape and not shard_rows % chunk_rows
    if not fits or shard_rows * column.row_bytes > LARGEST:
        raise DataError(
            f"{path / METADATA}: damaged (shards of {shard.chunk_shape} in chunks of "
            f"{chunk.chunk_shape}); {way_out}"
        )
    sizes = [file.stat().st_size for file in (path / "c").rglob("*") if file.is_file()]
    if len(sizes) != (expected := math.ceil(rows / shard_rows)):
        raise DataError(f"{path}: has {len(sizes)} of {expected} shards; {way_out}")
    if sum(sizes) < rows * column.row_bytes:
        raise DataError(f"{path}: its shards are cut off; {way_out}")
