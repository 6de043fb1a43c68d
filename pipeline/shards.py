"""Episodes in webdataset tar shards: lossless, deterministic, described by a manifest.

A sample is KEY.frames.npz, KEY.actions.npy, KEY.states.npy and KEY.meta.json; each split has its
own tars (train-000000.tar, val-000000.tar, ...), so any webdataset reader can stream one of them.
"""

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.episode import Episode
from pipeline.errors import DataError

Split = Literal["train", "val"]
MANIFEST = "manifest.json"


class Shard(BaseModel):
    """One tar file: how large it must be, and what is in it."""

    model_config = ConfigDict(frozen=True)

    name: str
    split: Split
    bytes: int
    sha256: str
    episodes: list[str]
    lengths: list[int]


class Manifest(BaseModel):
    """What a folder of shards holds; `actions` are statistics of the train split alone."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    episodes: int
    frames: int
    frame_shape: tuple[int, int, int]
    action_dim: int
    state_dim: int
    normalise_actions: bool
    actions: dict[str, list[float]]
    shards: list[Shard]

    def digest(self) -> str:
        """Digest of all that the shards hold."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class Writer:
    """Writes the episodes of one split, in a `with` block."""

    def __init__(self, folder: Path, split: Split, episodes_per_shard: int) -> None:
        """Open the first tar in an existing `folder`."""
        import webdataset

        self.folder, self.split, self.per_shard = folder, split, episodes_per_shard
        self.episodes: list[str] = []
        self.lengths: list[int] = []
        # No time, user or group of this machine goes into a tar: the same episodes, the same bytes.
        self.tars = webdataset.ShardWriter(
            str(folder / f"{split}-%06d.tar"),
            maxcount=episodes_per_shard,
            maxsize=float("inf"),
            verbose=0,
            mtime=0,
            user="",
            group="",
        )

    def add(self, episode: Episode) -> None:
        """Append one episode, losslessly."""
        self.tars.write(
            {
                "__key__": episode.key,
                "frames.npz": {"frames": episode.frames},
                "actions.npy": episode.actions,
                "states.npy": episode.states,
                "meta.json": dict(episode.meta),
            }
        )
        self.episodes.append(episode.key)
        self.lengths.append(len(episode))

    def __enter__(self) -> "Writer":
        """Ready to add episodes."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the last tar."""
        self.tars.close()

    def describe(self) -> list[Shard]:
        """What was written, once it is closed."""
        shards = []
        for start in range(0, len(self.episodes), self.per_shard):
            part = slice(start, start + self.per_shard)
            name = f"{self.split}-{start // self.per_shard:06d}.tar"
            content = (self.folder / name).read_bytes()
            shards.append(
                Shard(
                    name=name,
                    split=self.split,
                    bytes=len(content),
                    sha256=hashlib.sha256(content).hexdigest(),
                    episodes=self.episodes[part],
                    lengths=self.lengths[part],
                )
            )
        return shards


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder of shards, every tar's size checked against it.

    Raises:
        DataError: the folder is no output of ingest, or a tar is missing or truncated.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise DataError(f"{path}: no such file; run `dvc repro ingest` to write shards")
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(
            f"{path}: {first['loc']}: {first['msg']}; run `dvc repro -f ingest`"
        ) from None
    for shard in manifest.shards:
        tar = folder / shard.name
        size = tar.stat().st_size if tar.is_file() else 0
        if size != shard.bytes:
            raise DataError(
                f"{tar}: has {size} of {shard.bytes} bytes; restore it with `dvc checkout` "
                "or write it again with `dvc repro -f ingest`"
            )
    return manifest


def read(folder: Path, split: Split | None = None) -> Iterator[Episode]:
    """Stream the episodes of one split, or of train and then val, in the order of the manifest."""
    for shard in read_manifest(folder).shards:
        if split in (None, shard.split):
            yield from _read_tar(folder / shard.name, shard.episodes)


def _samples(path: Path) -> Iterator[dict[str, Any]]:
    """The members of one tar, grouped by episode, as raw bytes."""
    from webdataset.tariterators import group_by_keys, tar_file_expander

    with path.open("rb") as stream:
        files = tar_file_expander([{"url": str(path), "stream": stream}])
        yield from group_by_keys(files)


def _read_tar(path: Path, expected: Sequence[str]) -> Iterator[Episode]:
    """Decode the four members by hand: webdataset's own decoder would also run pickles."""
    keys: list[str] = []
    try:
        for sample in _samples(path):
            keys.append(sample["__key__"])
            yield Episode(
                key=sample["__key__"],
                frames=np.load(io.BytesIO(sample["frames.npz"]), allow_pickle=False)["frames"],
                actions=np.load(io.BytesIO(sample["actions.npy"]), allow_pickle=False),
                states=np.load(io.BytesIO(sample["states.npy"]), allow_pickle=False),
                meta=json.loads(sample["meta.json"]),
            )
    except (tarfile.TarError, zipfile.BadZipFile, KeyError, ValueError, EOFError, OSError) as error:
        if isinstance(error, DataError):
            raise
        reason = str(error).split(" @ ")[0]
        raise DataError(
            f"{path}: damaged after {max(len(keys) - 1, 0)} episodes ({reason}); "
            "restore it with `dvc checkout` or write it again with `dvc repro -f ingest`"
        ) from None
    if keys != list(expected):
        raise DataError(f"{path}: holds {len(keys)} episodes, its manifest lists {len(expected)}")
