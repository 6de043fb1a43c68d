"""Writing a latent cache: whole zarr shards from front to back, the seal last."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import Crc32cCodec

from pipeline.latents import SEAL, EpisodeEntry, LatentSpec, Seal

CHUNK_FRAMES = 64
SHARD_BYTES = 2**26


class Writer:
    """Fills the arrays of a new store that will hold `frames` frames."""

    def __init__(self, path: Path, shapes: dict[str, tuple[int, ...]], frames: int) -> None:
        """Create the store; `shapes` are those of `LatentSpec.array_shapes`."""
        self.store = zarr.create_group(path)
        self.arrays = {
            name: Appender(self.store, name, (frames, *shape), _dtype(name))
            for name, shape in shapes.items()
        }

    def add(self, name: str, rows: NDArray[Any]) -> None:
        """Append rows [B, ...] to one array."""
        self.arrays[name].add(rows)

    def seal(self, spec: LatentSpec, episodes: Iterable[EpisodeEntry]) -> None:
        """Write what is left and declare the store complete."""
        for array in self.arrays.values():
            array.close()
        value = Seal(spec=spec, episodes=list(episodes))
        self.store.attrs[SEAL] = json.loads(value.model_dump_json())


LATENTS = ("mean", "std")


def item_bytes(name: str) -> int:
    """Bytes of one number in an array of the store."""
    return np.dtype(_dtype(name)).itemsize


def _dtype(name: str) -> str:
    return "float16" if name in LATENTS else "float32"


class Appender:
    """Fills one array of a new store from front to back, in whole shards."""

    def __init__(self, store: zarr.Group, name: str, shape: tuple[int, ...], dtype: str) -> None:
        """Create the array [N, ...]; each shard is one file of at most 64 MiB."""
        frame_bytes = int(np.prod(shape[1:])) * np.dtype(dtype).itemsize
        chunks = max(1, min(SHARD_BYTES // frame_bytes, shape[0]) // CHUNK_FRAMES)
        self.shard = chunks * CHUNK_FRAMES
        self.array = store.create_array(
            name,
            shape=shape,
            dtype=dtype,
            chunks=(CHUNK_FRAMES, *shape[1:]),
            shards=(self.shard, *shape[1:]),
            # Latents hardly compress; the checksum is there to notice a damaged file.
            compressors=[Crc32cCodec()],
            # Every shard is a file, also one of zeros: a missing file is a damaged store.
            config={"write_empty_chunks": True},
        )
        self.pending: list[NDArray[Any]] = []
        self.held = self.written = 0

    def add(self, rows: NDArray[Any]) -> None:
        """Append rows [B, ...]."""
        self.pending.append(rows.astype(self.array.dtype))
        self.held += len(rows)
        while self.held >= self.shard:
            self._flush(self.shard)

    def close(self) -> None:
        """Write what is left."""
        if self.held:
            self._flush(self.held)

    def _flush(self, count: int) -> None:
        rows = np.concatenate(self.pending)
        self.array[self.written : self.written + count] = rows[:count]
        self.written += count
        self.pending, self.held = [rows[count:]], len(rows) - count
