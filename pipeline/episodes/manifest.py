"""What a folder of shards holds, written beside them."""

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.episodes.resize import Preprocessing
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


class Quarantined(BaseModel):
    """An episode that could not be read, and why."""

    model_config = ConfigDict(frozen=True)

    episode: str
    split: Split
    reason: str


class Manifest(BaseModel):
    """What a folder of shards holds; `actions` are statistics of the train split alone."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    episodes: int
    frames: int
    frame_shape: tuple[int, int, int]
    """Height, width, channels as recorded."""
    view: Preprocessing
    interval: int
    """Environment steps from one frame of a model to the next, as published."""
    action_dim: int
    state_dim: int
    normalise_actions: bool
    actions: dict[str, list[float]]
    quarantined: list[Quarantined]
    shards: list[Shard]

    def digest(self) -> str:
        """Digest of all that the shards hold."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


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
