"""Rows of an array of the latent cache, gathered from memory-mapped files.

A store may be larger than memory, and all processes share the page cache. The checksum of a chunk
is verified when a row of it is first used.
"""

import math
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import google_crc32c
import numpy as np
import torch
import zarr
from numpy.typing import NDArray
from torch import Tensor
from zarr.core.metadata import ArrayV3Metadata
from zarr.storage import LocalStore

from pipeline.errors import DataError

REMEDY = "restore it with `dvc checkout` or write it again with `dvc repro -f encode`"
CHECKSUM = 4
"""Bytes of a CRC32C; one follows every chunk, and the index at the end of a shard."""
INDEX = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]
"""Codecs of the index of a shard that can be mapped, as zarr.json names them."""
INNER = [INDEX, [{"name": "bytes"}, {"name": "crc32c"}]]
"""Codecs of its chunks; single bytes have no endianness."""
TORCH = {"float16": torch.float16, "float32": torch.float32, "int8": torch.int8}
"""torch's types by numpy's names."""


class Rows:
    """Rows of an array [N, ...]: `rows[indices]` is [*indices.shape, ...], as in numpy.

    Raises:
        DataError: a file is damaged at a requested row.
    """

    def __init__(self, path: Path, array: "zarr.Array[Any]", way_out: str = REMEDY) -> None:
        """Wrap an array of the store at `path`, which errors name, with the way out of damage."""
        self.place, self.array = f"{path}/{array.name.strip('/')}", array
        self._way_out = way_out
        self.shape, self.dtype = array.shape, np.dtype(array.dtype)
        self._shards: dict[int, Shard] = {}
        self.mapped = mappable(array)
        self._gather = self._map if self.mapped else self._read
        if not self.mapped:
            print(
                f"{self.place}: read by zarr {zarr.__version__}, many times as slowly as an array "
                "that can be mapped, which `dvc repro -f encode` writes",
                file=sys.stderr,
                flush=True,
            )

    def __len__(self) -> int:
        """Number of rows N."""
        return self.shape[0]

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return self.dtype.itemsize * math.prod(self.shape[1:])

    def __getitem__(self, indices: NDArray[np.int64] | slice) -> NDArray[Any]:
        """Copies of rows, in the order of `indices`."""
        if isinstance(indices, slice):
            indices = np.arange(*indices.indices(len(self)))
        with self._reading(flat := indices.reshape(-1)):
            rows = self._gather(flat)
        return rows.reshape(*indices.shape, *self.shape[1:])

    def one_by_one(self, indices: NDArray[np.int64]) -> Iterator[Tensor]:
        """Rows in the order of `indices` [n], as they lie in the files: not to be written to.

        Only for an array that is mapped.
        """
        with self._reading(indices):
            for index in indices.tolist():
                number, within = divmod(index, cast(tuple[int, ...], self.array.shards)[0])
                yield self._shard(number).row(within).view(self.shape[1:])

    @contextmanager
    def _reading(self, indices: NDArray[np.int64]) -> Iterator[None]:
        """Refuse indices [n] that are out of range, and name the array where it is damaged."""
        if indices.size and not 0 <= indices.min() <= indices.max() < len(self):
            ends = f"{indices.min()}..{indices.max()}"
            raise IndexError(f"{self.place} has {len(self)} rows, not {ends}")
        try:
            yield
        except (ValueError, RuntimeError, OSError) as error:
            raise DataError(f"{self.place}: damaged ({error}); {self._way_out}") from None

    def _read(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        return np.asarray(self.array.oindex[rows])

    def _map(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        numbers, within = np.divmod(rows, cast(tuple[int, ...], self.array.shards)[0])
        used = np.unique(numbers)
        if len(used) == 1:
            return self._shard(int(used[0])).rows(within).view(self.dtype)
        gathered = np.empty(len(rows), f"V{self.row_bytes}")
        for number in used.tolist():
            here = numbers == number
            gathered[here] = self._shard(number).rows(within[here])
        return gathered.view(self.dtype)

    def _shard(self, number: int) -> "Shard":
        if number not in self._shards:
            metadata = cast(ArrayV3Metadata, self.array.metadata)
            store = cast(LocalStore, self.array.store)
            key = metadata.encode_chunk_key((number, *[0] * (len(self.shape) - 1)))
            shape = (cast(tuple[int, ...], self.array.shards)[0], *self.shape[1:])
            self._shards[number] = Shard(
                store.root / self.array.path / key, shape, self.array.chunks[0], self.dtype
            )
        return self._shards[number]


class Shard:
    """One memory-mapped file of chunks of rows."""

    def __init__(
        self, path: Path, shape: tuple[int, ...], chunk: int, dtype: np.dtype[Any]
    ) -> None:
        """Map the file of an array of `shape` in chunks of `chunk` rows.

        Raises:
            OSError: there is no such file.
            ValueError: its index is damaged.
        """
        self.file = np.memmap(path, np.uint8, "r").view(np.ndarray)  # slices cost less
        self.chunk, self.dtype = chunk, dtype
        self.width = dtype.itemsize * math.prod(shape[1:])
        count = shape[0] // chunk
        index = self.file[-16 * count - CHECKSUM :]
        _verify(index, "the index of its chunks")
        self.offsets, sizes = index[:-CHECKSUM].view("<u8").reshape(count, 2).T
        # A chunk that was never written has offset and size 2^64 - 1.
        self.whole = sizes == chunk * self.width + CHECKSUM
        self.verified = np.zeros(count, bool)
        # An element for every byte of the file: the row that begins there.
        self.starting_at = np.ndarray(
            (max(self.file.size - self.width + 1, 0),), f"V{self.width}", self.file, strides=(1,)
        )

    def rows(self, rows: NDArray[np.int64]) -> NDArray[np.void]:
        """Bytes of rows [n], after their chunks were verified.

        Raises:
            ValueError: a chunk is damaged.
        """
        chunks, within = np.divmod(rows, self.chunk)
        if not self.verified[chunks].all():
            for chunk in np.unique(chunks[~self.verified[chunks]]).tolist():
                self._check(chunk)
        return self.starting_at[self.offsets[chunks].astype(np.int64) + within * self.width]

    def row(self, row: int) -> Tensor:
        """The numbers of one row as they lie in the file, after its chunk was verified.

        Raises:
            ValueError: the chunk is damaged.
        """
        chunk, within = divmod(row, self.chunk)
        if not self.verified[chunk]:
            self._check(chunk)
        start = int(self.offsets[chunk]) + within * self.width
        return self._bytes[start : start + self.width].view(TORCH[self.dtype.name])

    @cached_property
    def _bytes(self) -> Tensor:
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            return torch.from_numpy(self.file)  # warns that it must not be written to

    def _check(self, chunk: int) -> None:
        start, size = int(self.offsets[chunk]), self.chunk * self.width + CHECKSUM
        if not self.whole[chunk] or start + size > self.file.size:
            raise ValueError(f"chunk {chunk} is incomplete")
        _verify(self.file[start : start + size], f"chunk {chunk}")
        self.verified[chunk] = True


def mappable(array: "zarr.Array[Any]") -> bool:
    """Whether the rows of an array are contiguous and uncompressed in local files."""
    if not isinstance(array.store, LocalStore) or array.shards is None:
        return False
    # As zarr.json has it: the classes of codecs, and what their fields hold, differ by version.
    metadata = cast(ArrayV3Metadata, array.metadata).to_dict()
    (codec,) = cast(tuple[dict[str, Any]], metadata["codecs"])
    sharding = codec["configuration"]
    return (
        array.chunks[1:] == array.shards[1:] == array.shape[1:]
        and codec["name"] == "sharding_indexed"
        and list(sharding["codecs"]) in INNER
        and list(sharding["index_codecs"]) == INDEX
        and sharding["index_location"] == "end"
    )


def _verify(content: NDArray[np.uint8], what: str) -> None:
    """Raise ValueError unless bytes end with their own checksum."""
    stored = int.from_bytes(content[-CHECKSUM:].tobytes(), "little")
    actual = google_crc32c.value(content[:-CHECKSUM])
    if len(content) <= CHECKSUM or actual != stored:
        raise ValueError(f"the checksum of {what} is {actual:#010x}, not {stored:#010x}")
