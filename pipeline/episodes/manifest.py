"""manifest.json: the episodes, shapes and action statistics of a folder of shards."""

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.episodes.resize import Preprocessing
from pipeline.errors import DataError

Split = Literal["train", "val"]
MANIFEST = "manifest.json"


class Shard(BaseModel):
    """One tar file: its size, hash, episodes and their lengths in frames."""

    model_config = ConfigDict(frozen=True)

    name: str
    split: Split
    bytes: int
    sha256: str
    episodes: list[str]
    lengths: list[int]


class Quarantined(BaseModel):
    """An episode that ingest skipped (`ingest.on_error: skip`), and why."""

    model_config = ConfigDict(frozen=True)

    episode: str
    split: Split
    reason: str


class Manifest(BaseModel):
    """The manifest of a folder of shards.

    Attributes:
        view: resolution at which encoders see the frames; the key is older than the class name.
        actions: mean, std, min and max of the train split's actions, [A] each.
    """

    model_config = ConfigDict(frozen=True)

    dataset: str
    episodes: int
    frames: int
    frame_shape: tuple[int, int, int]
    """(height, width, channels) as recorded."""
    view: Preprocessing
    interval: int
    """Environment steps between two frames of a model, as published (the frame interval)."""
    action_dim: int
    state_dim: int
    normalise_actions: bool
    actions: dict[str, list[float]]
    quarantined: list[Quarantined]
    shards: list[Shard]

    def digest(self) -> str:
        """SHA-256 of the manifest, and so of the contents of all shards."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a folder of shards and check every tar's size against it.

    Raises:
        DataError: ingest did not write the folder, or a tar is missing or truncated.
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
