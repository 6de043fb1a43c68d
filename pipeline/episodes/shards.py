"""Episodes in webdataset tar shards: lossless, deterministic, with a manifest beside them.

A sample is KEY.frames.{mp4,npz,npy}, KEY.actions.npy, KEY.states.npy and KEY.meta.json; each split
has tars of its own (train-000000.tar, val-000000.tar, ...), so any webdataset reader can stream it.
"""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.checksum import sha256
from pipeline.episodes import frame_formats
from pipeline.episodes.episode import Episode, Meta
from pipeline.episodes.manifest import Shard, Split, read_manifest
from pipeline.errors import DataError

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Table:
    """An episode without its frames: actions float32 [T, A], states float32 [T, S] and meta."""

    key: str
    actions: NDArray[np.float32]
    states: NDArray[np.float32]
    meta: Meta


@dataclass(frozen=True, slots=True)
class Sample:
    """The tar members of one episode, each read on access."""

    key: str
    tar: tarfile.TarFile
    members: dict[str, tarfile.TarInfo]

    def content(self, name: str) -> bytes:
        """The bytes of a member.

        Raises:
            KeyError: there is no such member.
        """
        file = self.tar.extractfile(self.members[name])
        if file is None:
            raise KeyError(name)
        return file.read()

    def array(self, name: str) -> NDArray[Any]:
        """A member as an array; webdataset's own decoder would also unpickle."""
        array: NDArray[Any] = np.load(io.BytesIO(self.content(name)), allow_pickle=False)
        return array


def write(
    path: Path, split: Split, episodes: Iterable[Episode], codec: frame_formats.Codec
) -> Shard:
    """Write one tar, holding one episode in memory; the same episodes give the same bytes."""
    from webdataset import TarWriter

    keys, lengths = [], []
    # No mtime, user or group of this machine goes into a tar.
    with TarWriter(str(path), encoder=False, mtime=0, user="", group="") as tar:
        for episode in episodes:
            name, frames = frame_formats.pack(episode, codec)
            tar.write(
                {
                    "__key__": episode.key,
                    name: frames,
                    "actions.npy": _npy(episode.actions),
                    "states.npy": _npy(episode.states),
                    "meta.json": json.dumps(dict(episode.meta)).encode(),
                }
            )
            keys.append(episode.key)
            lengths.append(len(episode))
            del episode, frames  # else two episodes are in memory while the next one is read
    return Shard(
        name=path.name,
        split=split,
        bytes=path.stat().st_size,
        sha256=sha256(path),
        episodes=keys,
        lengths=lengths,
    )


def read(folder: Path, split: Split | None = None) -> Iterator[Episode]:
    """Stream the episodes of one split, of train and then val if None, in the manifest's order."""
    for shard in read_manifest(folder).shards:
        if split in (None, shard.split):
            yield from _read_tar(folder / shard.name, shard.episodes, shard.episodes, _episode)


def select(folder: Path, keys: Sequence[str]) -> Iterator[Episode]:
    """The episodes called `keys`, in the manifest's order; no other is decoded."""
    selected = set(keys)
    for shard in read_manifest(folder).shards:
        if not selected.isdisjoint(shard.episodes):
            yield from _read_tar(folder / shard.name, shard.episodes, selected, _episode)


def tables(folder: Path) -> Iterator[Table]:
    """Every episode without its frames, in the manifest's order; no frame is decoded."""
    for shard in read_manifest(folder).shards:
        yield from _read_tar(folder / shard.name, shard.episodes, shard.episodes, _table)


def _npy(values: NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def _samples(path: Path) -> Iterator[Sample]:
    """The members of a tar, grouped by episode."""
    with tarfile.open(path, "r:") as tar:
        for key, members in groupby(tar, lambda member: member.name.partition(".")[0]):
            named = {member.name.partition(".")[2]: member for member in members}
            yield Sample(key, tar, named)


def _read_tar(
    path: Path,
    listed: Sequence[str],
    selected: Container[str],
    make: Callable[[Sample, Path], Item],
) -> Iterator[Item]:
    keys: list[str] = []
    try:
        for sample in _samples(path):
            keys.append(sample.key)
            if sample.key in selected:
                yield make(sample, path)
    except (tarfile.TarError, zipfile.BadZipFile, KeyError, ValueError, EOFError, OSError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path}: damaged after {max(len(keys) - 1, 0)} episodes ({error}); "
            "restore it with `dvc checkout` or write it again with `dvc repro -f ingest`"
        ) from None
    if keys != list(listed):
        raise DataError(f"{path}: holds {len(keys)} episodes, its manifest lists {len(listed)}")


def _table(sample: Sample, path: Path) -> Table:
    return Table(
        key=sample.key,
        actions=sample.array("actions.npy"),
        states=sample.array("states.npy"),
        meta=json.loads(sample.content("meta.json")),
    )


def _episode(sample: Sample, path: Path) -> Episode:
    table = _table(sample, path)
    name = next(name for name in frame_formats.MEMBERS if name in sample.members)
    content = sample.content(name)
    place = f"{path}/{sample.key}.{name}"
    return Episode(
        key=table.key,
        frames=frame_formats.unpack(name, content, len(table.actions), place),
        actions=table.actions,
        states=table.states,
        meta=table.meta,
        video=content if name == "frames.mp4" else None,
    )
