"""What cached latents are: the spec that seals a store and travels with every model."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator
from torch import Tensor

from pipeline.compute.precision import Precision
from pipeline.episodes.resize import Preprocessing
from pipeline.latents.quantize import SCALE, Storage

LatentShape = tuple[PositiveInt, PositiveInt, PositiveInt]
"""Channels, height and width of the latents of a frame."""
SEAL = "nano_world_models"
"""Attribute of a zarr store under which its Seal stands."""


@dataclass(frozen=True, slots=True)
class Column:
    """One array of a store: what a row of it is, and whether only every n-th frame has one."""

    shape: tuple[int, ...]
    dtype: str
    strided: bool

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


class LatentSpec(BaseModel):
    """What the latents are; every model carries the spec of the latents it was trained on."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    encoder: str
    codec: str
    """Digest of the fitted encoder."""
    source: str
    """Digest of the shards that were encoded."""
    view: Preprocessing
    """How encoders were shown the recorded frames."""
    interval: PositiveInt
    """Environment steps from one frame of a model to the next, as published."""
    latent_shape: LatentShape
    stochastic: bool
    storage: Storage
    """In what the latents are stored."""
    stride: PositiveInt
    """Frames 0, stride, 2 stride, ... of every episode have latents."""
    mean: list[float]
    std: list[PositiveFloat]
    """Per channel over sampled latents of the train split: sampling counts into the spread.

    Of a channel that never varies, `std` is that of those that do (root mean square).
    """
    action_dim: int = Field(ge=0)
    state_dim: int = Field(ge=0)
    normalise_actions: bool
    actions: dict[str, list[float]]
    """Mean, std, min and max of the train split's actions, per dimension."""
    published_scale: float | None
    """What the encoder's authors multiply its latents by, so that their variance is about 1."""
    precision: Precision
    """In which the encoder computed."""

    @model_validator(mode="after")
    def _of_every_channel(self) -> Self:
        channels = self.latent_shape[0]
        if not len(self.mean) == len(self.std) == channels:
            raise ValueError(f"mean and std must have a number for each of {channels} channels")
        return self

    def columns(self) -> dict[str, Column]:
        """The arrays of a store."""
        names = ("mean", "std") if self.stochastic else ("mean",)
        made = {name: Column(self.latent_shape, self.storage, strided=True) for name in names}
        if self.storage == "int8":
            scale = Column(self.latent_shape[:1], "float32", strided=True)
            made |= {f"{name}{SCALE}": scale for name in names}
        made["actions"] = Column((self.action_dim,), "float32", strided=False)
        if self.state_dim:
            made["states"] = Column((self.state_dim,), "float32", strided=False)
        return made

    def kept(self, frames: int) -> int:
        """How many of an episode's frames have latents."""
        return -(-frames // self.stride)

    def as_published(self) -> Self:
        """The spec of the same latents, neither centred nor scaled but as the authors do."""
        scale, channels = self.published_scale or 1.0, len(self.mean)
        changes = {"mean": [0.0] * channels, "std": [1 / scale] * channels}
        return self.model_copy(update=changes)

    def whiten(self, latents: Tensor) -> Tensor:
        """Raw latents [..., C, h, w] by this spec: to mean 0 and variance 1 if `mean` is theirs."""
        return self.whiten_(latents.clone())

    def whiten_(self, latents: Tensor) -> Tensor:
        """The same in place."""
        mean, std = self._moments(latents)
        return latents.sub_(mean).div_(std)

    def unwhiten(self, latents: Tensor) -> Tensor:
        """Whitened latents [..., C, h, w] back to what the encoder made."""
        mean, std = self._moments(latents)
        return latents * std + mean

    def scale_actions(self, actions: Tensor) -> Tensor:
        """Actions [..., A] in the world's units as models are fed them."""
        if not self.normalise_actions:
            return actions
        return (actions - self.action("mean", actions)) / self.action("std", actions)

    def action(self, statistic: str, like: Tensor) -> Tensor:
        """One statistic of the actions [A] on the device of another tensor."""
        return torch.tensor(self.actions[statistic], dtype=torch.float32, device=like.device)

    def _moments(self, like: Tensor) -> tuple[Tensor, Tensor]:
        mean = torch.tensor(self.mean, dtype=like.dtype, device=like.device)
        std = torch.tensor(self.std, dtype=like.dtype, device=like.device)
        return mean[:, None, None], std[:, None, None]


class EpisodeEntry(BaseModel):
    """One episode of a cache."""

    model_config = ConfigDict(frozen=True)

    key: str
    split: str
    length: int
    meta: dict[str, float | int | str]


class Seal(BaseModel):
    """What is written last, when all frames are in place."""

    model_config = ConfigDict(frozen=True)

    spec: LatentSpec
    episodes: list[EpisodeEntry]
