"""Episodes in webdataset tar shards: lossless, deterministic, with a manifest beside them.

A sample is KEY.frames.{mp4,npz,npy}, KEY.actions.npy, KEY.states.npy and KEY.meta.json, with
KEY.cameras.npz and KEY.depth.npz where the cameras are known; each split has tars of its own
(train-000000.tar, val-000000.tar, ...), so any webdataset reader can stream it.
"""

import io
import json
import tarfile
from collections.abc import Callable, Container, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import RootModel

from pipeline import stage
from pipeline.checksum import sha256
from pipeline.episodes import cameras, frame_formats
from pipeline.episodes.cameras import Cameras
from pipeline.episodes.episode import Episode, Meta
from pipeline.episodes.manifest import Shard, Split, read_manifest
from pipeline.errors import DataError, UserError
from pipeline.files.content import damaged
from pipeline.files.npy import npz_bytes, parse_npy, parse_npz
from pipeline.files.tar import REGULAR, members

Item = TypeVar("Item")
REMEDY = "restore it with `dvc checkout` or write it again with `dvc repro -f ingest`"


class MetaFile(RootModel[dict[str, float | int | str]]):
    """meta.json of an episode."""


@dataclass(frozen=True, slots=True)
class Table:
    """An episode without its frames: actions float32 [T, A], states float32 [T, S] and meta.

    `cameras` are those of its frames, without depth; None where they are not known.
    """

    key: str
    actions: NDArray[np.float32]
    states: NDArray[np.float32]
    meta: Meta
    cameras: Cameras | None = None


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
        return parse_npy(self.content(name))


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
                    **_camera_members(episode.cameras),
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
            yield from _read_tar(folder, shard, shard.episodes, _episode)


def select(folder: Path, keys: Sequence[str], *, depth: bool = False) -> Iterator[Episode]:
    """The episodes called `keys`, in the manifest's order; no other is decoded.

    Their cameras have `depth` only where it is asked for and was recorded.
    """
    selected = set(keys)
    for shard in read_manifest(folder).shards:
        if not selected.isdisjoint(shard.episodes):
            yield from _read_tar(folder, shard, selected, _with_depth if depth else _episode)


def tables(folder: Path, keys: Set[str] | None = None) -> Iterator[Table]:
    """Every episode without its frames, or those called `keys`, in the manifest's order."""
    for shard in read_manifest(folder).shards:
        if keys is None or not keys.isdisjoint(shard.episodes):
            yield from _read_tar(folder, shard, shard.episodes if keys is None else keys, _table)


def verify(folder: Path) -> None:
    """Compare the bytes of every tar with the SHA-256 in the manifest.

    Most bits of a video may flip without its decoder noticing.

    Raises:
        DataError: a tar is missing or has changed.
    """
    for shard in stage.track(read_manifest(folder).shards, "verify"):
        if sha256(folder / shard.name) != shard.sha256:
            raise DataError(f"{folder / shard.name}: changed since it was written; {REMEDY}")


def _npy(values: NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def _camera_members(known: Cameras | None) -> dict[str, bytes]:
    """Depth is a member of its own: few readers need it, and it is large."""
    arrays = {} if known is None else cameras.to_arrays(known)
    depth = {name: arrays.pop(name) for name in ("depth",) if name in arrays}
    members = {"cameras.npz": arrays, "depth.npz": depth}
    return {name: npz_bytes(part) for name, part in members.items() if part}


def _samples(path: Path) -> Iterator[Sample]:
    """The members of a tar, grouped by episode."""
    with tarfile.open(path, "r:") as tar:
        for key, parts in groupby(_regular(tar), lambda member: member.name.partition(".")[0]):
            named = {member.name.partition(".")[2]: member for member in parts}
            yield Sample(key, tar, named)


def _regular(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for member in members(tar):
        if member.type not in REGULAR:
            raise tarfile.TarError(f"{member.name!r} is no file")
        yield member


def _read_tar(
    folder: Path, shard: Shard, selected: Container[str], make: Callable[[Sample, Path, int], Item]
) -> Iterator[Item]:
    path, keys = folder / shard.name, list[str]()
    lengths = dict(zip(shard.episodes, shard.lengths, strict=True))
    try:
        for sample in _samples(path):
            keys.append(sample.key)
            if sample.key in selected:
                yield make(sample, path, lengths[sample.key])
    except UserError:
        raise
    except Exception as error:  # damaged bytes can raise anything
        what = f"damaged after {max(len(keys) - 1, 0)} episodes"
        raise damaged(path, error, REMEDY, what) from None
    if keys != shard.episodes:
        found = f"holds {len(keys)} episodes, its manifest lists {len(shard.episodes)}"
        raise DataError(f"{path}: {found}; {REMEDY}")


def _table(sample: Sample, path: Path, length: int) -> Table:
    table = Table(
        key=sample.key,
        actions=sample.array("actions.npy"),
        states=sample.array("states.npy"),
        meta=MetaFile.model_validate_json(sample.content("meta.json"), strict=True).root,
        cameras=_cameras(sample, length),
    )
    for name, values in (("actions", table.actions), ("states", table.states)):
        if values.dtype != np.float32 or values.ndim != 2 or len(values) != length:
            found = f"{values.dtype} {list(values.shape)}, not float32 [{length}, dim]"
            raise ValueError(f"{name} of {sample.key} are {found}")
        if not np.isfinite(values).all():
            raise ValueError(f"{name} of {sample.key} hold NaN or infinity")
    return table


def _cameras(sample: Sample, length: int, *names: str) -> Cameras | None:
    if "cameras.npz" not in sample.members:
        return None
    present = [name for name in ("cameras.npz", *names) if name in sample.members]
    parts = [parse_npz(sample.content(name)) for name in present]
    return cameras.of_arrays({key: part[key] for part in parts for key in part}, length)


def _with_depth(sample: Sample, path: Path, length: int) -> Episode:
    episode = _episode(sample, path, length)
    return replace(episode, cameras=_cameras(sample, length, "depth.npz"))


def _episode(sample: Sample, path: Path, length: int) -> Episode:
    table = _table(sample, path, length)
    name = next((name for name in frame_formats.MEMBERS if name in sample.members), None)
    if name is None:
        raise KeyError(f"{sample.key} has no frames")
    content = sample.content(name)
    place = f"{path}/{sample.key}.{name}"
    frames = frame_formats.unpack(name, content, length, place, REMEDY)
    if frames.dtype != np.uint8 or frames.ndim != 4 or len(frames) != length:
        found = f"{frames.dtype} {list(frames.shape)}, not uint8 [{length}, H, W, 3]"
        raise ValueError(f"frames of {sample.key} are {found}")
    return Episode(
        key=table.key,
        frames=frames,
        actions=table.actions,
        states=table.states,
        meta=table.meta,
        video=content if name == "frames.mp4" else None,
        cameras=table.cameras,
    )
