"""Episodes in webdataset tar shards: as they were recorded, deterministic, with a manifest beside.

A sample is KEY.frames.{mp4,npz,npy}, KEY.actions.npy, KEY.states.npy and KEY.meta.json; each split
has its own tars (train-000000.tar, val-000000.tar, ...), so any webdataset reader can stream one.
"""

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import frame_formats
from pipeline.episode import Episode
from pipeline.errors import DataError
from pipeline.manifest import Shard, Split, read_manifest


def write(
    path: Path, split: Split, episodes: Iterable[Episode], codec: frame_formats.Codec
) -> Shard:
    """Write one tar, an episode at a time; the same episodes give the same bytes."""
    from webdataset import TarWriter

    keys, lengths = [], []
    # No time, user or group of this machine goes into a tar.
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
            del episode, frames  # before the next one is read, lest two be held at once
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Shard(
        name=path.name,
        split=split,
        bytes=path.stat().st_size,
        sha256=digest,
        episodes=keys,
        lengths=lengths,
    )


def read(folder: Path, split: Split | None = None) -> Iterator[Episode]:
    """Stream the episodes of one split, or of train and then val, in the order of the manifest."""
    for shard in read_manifest(folder).shards:
        if split in (None, shard.split):
            yield from _read_tar(folder / shard.name, shard.episodes)


def _npy(values: NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def _samples(path: Path) -> Iterator[dict[str, Any]]:
    """The members of one tar, grouped by episode, as raw bytes."""
    from webdataset.tariterators import group_by_keys, tar_file_expander

    with path.open("rb") as stream:
        files = tar_file_expander([{"url": str(path), "stream": stream}])
        yield from group_by_keys(files)


def _read_tar(path: Path, expected: Sequence[str]) -> Iterator[Episode]:
    keys: list[str] = []
    try:
        for sample in _samples(path):
            keys.append(sample["__key__"])
            yield _episode(sample, path)
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


def _episode(sample: dict[str, Any], path: Path) -> Episode:
    """Decode the members by hand: webdataset's own decoder would also run pickles."""
    name = next(name for name in frame_formats.MEMBERS if name in sample)
    actions = np.load(io.BytesIO(sample["actions.npy"]), allow_pickle=False)
    place = f"{path}/{sample['__key__']}.{name}"
    return Episode(
        key=sample["__key__"],
        frames=frame_formats.unpack(name, sample[name], len(actions), place),
        actions=actions,
        states=np.load(io.BytesIO(sample["states.npy"]), allow_pickle=False),
        meta=json.loads(sample["meta.json"]),
        video=sample[name] if name == "frames.mp4" else None,
    )
