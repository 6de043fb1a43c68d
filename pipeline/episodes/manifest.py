"""manifest.json: the episodes, shapes and action statistics of a folder of shards."""

import hashlib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.episodes.action_statistics import check_statistics
from pipeline.episodes.resize import Preprocessing
from pipeline.errors import DataError
from pipeline.files.json_model import FileModel, read_json
from pipeline.files.names import FileName

Split = Literal["train", "val"]
Length = Annotated[int, Field(gt=0, le=2**40)]
Side = Annotated[int, Field(gt=0, le=2**14)]
MANIFEST = "manifest.json"


class Shard(FileModel):
    """One tar file: its size, hash, episodes and their lengths in frames."""

    name: FileName
    split: Split
    bytes: int = Field(ge=0)
    sha256: str
    episodes: list[str]
    lengths: list[Length]

    @model_validator(mode="after")
    def _every_episode_has_a_length(self) -> Self:
        if len(self.episodes) != len(self.lengths):
            raise ValueError(f"{len(self.episodes)} episodes have {len(self.lengths)} lengths")
        return self


class Quarantined(FileModel):
    """An episode that ingest skipped (`ingest.on_error: skip`), and why."""

    episode: str
    split: Split
    reason: str


class Manifest(FileModel):
    """The manifest of a folder of shards.

    Attributes:
        view: resolution at which encoders see the frames; the key is older than the class name.
        actions: mean, std, min and max of the train split's actions, [A] each.
    """

    dataset: str
    episodes: int = Field(ge=0)
    frames: int = Field(ge=0)
    frame_shape: tuple[Side, Side, Literal[3]]
    """(height, width, channels) as recorded."""
    view: Preprocessing
    interval: int = Field(gt=0)
    """Environment steps between two frames of a model, as published (the frame interval)."""
    action_dim: int = Field(ge=0)
    state_dim: int = Field(ge=0)
    normalise_actions: bool
    actions: dict[str, list[float]]
    quarantined: list[Quarantined]
    shards: list[Shard]

    @model_validator(mode="after")
    def _counts_are_those_of_the_shards(self) -> Self:
        lengths = [length for shard in self.shards for length in shard.lengths]
        if (len(lengths), sum(lengths)) != (self.episodes, self.frames):
            found = f"{len(lengths)} episodes of {sum(lengths)} frames"
            raise ValueError(f"shards hold {found}, not {self.episodes} of {self.frames}")
        check_statistics(self.actions, self.action_dim)
        return self

    def listed(self) -> list[tuple[str, Split, int]]:
        """Key, split and number of frames of each episode, in the order of the shards."""
        return [
            (key, shard.split, length)
            for shard in self.shards
            for key, length in zip(shard.episodes, shard.lengths, strict=True)
        ]

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
    manifest = read_json(path, Manifest, "run `dvc repro -f ingest`")
    for shard in manifest.shards:
        tar = folder / shard.name
        size = tar.stat().st_size if tar.is_file() else 0
        if size != shard.bytes:
            raise DataError(
                f"{tar}: has {size} of {shard.bytes} bytes; restore it with `dvc checkout` "
                "or write it again with `dvc repro -f ingest`"
            )
    return manifest
