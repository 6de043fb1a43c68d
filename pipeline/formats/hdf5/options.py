"""Blocks of params.yaml: where episodes of HDF5 files end, and how they are split."""

from dataclasses import dataclass

from pydantic import Field, model_validator

from pipeline.formats._shared.names import Names
from pipeline.params import Params


class Boundaries(Params):
    """Where an episode begins and ends: exactly one of these."""

    groups: str | None = Field(
        default=None,
        description="one group each: a path in which * stands for any name, such as data/demo_*; "
        "'.' where a file is one episode",
    )
    flags: Names = Field(
        default=(), description="arrays that are not 0 at the last step of an episode"
    )
    ends: str | None = Field(
        default=None, description="array of the step after the last of each episode"
    )
    lengths: str | None = Field(default=None, description="array of each episode's steps")
    index: str | None = Field(default=None, description="array of each step's episode number")

    @model_validator(mode="after")
    def _one(self) -> "Boundaries":
        if sum(bool(value) for value in self.model_dump().values()) != 1:
            raise ValueError(f"say one of {', '.join(type(self).model_fields)}, and no other")
        return self


class Split(Params):
    """The train and validation split that comes with the files: masks, or files of their own."""

    train: str | None = Field(
        default=None, description="array of the training episodes' names, such as mask/train"
    )
    valid: str | None = Field(
        default=None, description="array of the validation episodes' names, such as mask/valid"
    )
    valid_files: str | None = Field(
        default=None, description="the files that hold validation episodes, such as *-val.hdf5"
    )

    @model_validator(mode="after")
    def _either(self) -> "Split":
        masks = (self.train is not None) + (self.valid is not None)
        if masks + 2 * (self.valid_files is not None) != 2:
            raise ValueError("say train and valid, or valid_files alone")
        return self


@dataclass(frozen=True, slots=True)
class Listing:
    """Which episodes a folder has: those of which files, where they end, and how they split."""

    files: str
    episodes: Boundaries
    split: Split | None
    filter: str | None
