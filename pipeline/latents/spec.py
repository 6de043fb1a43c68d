"""LatentSpec: shape, statistics and origin of cached latents, kept by the cache and each model."""

import hashlib
import math
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
import torch
from pydantic import (
    Field,
    PositiveFloat,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from torch import Tensor

from pipeline.compute.precision import Precision
from pipeline.episodes.action_statistics import check_statistics
from pipeline.episodes.resize import Preprocessing
from pipeline.errors import ParamsError
from pipeline.files.json_model import FileModel
from pipeline.latents.cameras import MOTION, ROW, TRANSLATION
from pipeline.latents.quantize import SCALE, Storage

Size = Annotated[int, Field(gt=0, le=2**16)]
LatentShape = tuple[Size, Size, Size]
"""Channels, height and width of the latents of a frame."""
LARGEST = 2**26
"""Numbers in the largest latent of a frame."""
UNRECORDED = "published"
"""In place of the digests of codec and shards, in the spec of an imported checkpoint."""
SEAL = "nano_world_models"
"""Name of the attribute of a zarr store that holds its Seal."""


@dataclass(frozen=True, slots=True)
class Column:
    """One array of a store: shape and dtype of a row, and whether encode.stride applies to it."""

    shape: tuple[int, ...]
    dtype: str
    strided: bool

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


class LatentSpec(FileModel):
    """Shape, statistics and origin of latents; a model carries that of its training latents."""

    dataset: str
    encoder: str
    codec: str
    """Digest of the fitted encoder."""
    source: str
    """Digest of the shards that were encoded."""
    view: Preprocessing
    """Preprocessing of the recorded frames before encoding."""
    interval: Size
    """Environment steps from one frame of a model to the next, as published."""
    latent_shape: LatentShape
    stochastic: bool
    storage: Storage
    """Number format of the stored latents."""
    stride: Size
    """Frames 0, stride, 2 stride, ... of every episode have latents."""
    mean: list[float]
    std: list[PositiveFloat]
    """Of each channel, over latents of the train split, posterior variance included.

    A channel that never varies gets the root mean square of the `std` of the others.
    """
    action_dim: int = Field(ge=0, le=2**16)
    state_dim: int = Field(ge=0, le=2**24)
    normalise_actions: bool
    actions: dict[str, list[float]]
    """Mean, std, min and max of the train split's actions, per dimension."""
    published_scale: float | None
    """Factor by which the encoder's authors multiply latents for a variance of about 1."""
    precision: Precision
    """Precision of the encoder's forward pass."""
    camera_scale: PositiveFloat | None = None
    """Factor of the camera's translations; see `pipeline.latents.cameras`. None in a cache without
    cameras, and in the spec of a model that is not conditioned by them."""

    @model_serializer(mode="wrap")
    def _without_unknown_cameras(
        self, serialise: SerializerFunctionWrapHandler
    ) -> dict[str, object]:
        """Files without cameras are what they were before there were any."""
        values: dict[str, object] = serialise(self)
        if self.camera_scale is None:
            values.pop("camera_scale", None)
        return values

    @model_validator(mode="after")
    def _of_every_channel(self) -> Self:
        if math.prod(self.latent_shape) > LARGEST:
            raise ValueError(f"latents of {self.latent_shape} are larger than any encoder's")
        channels = self.latent_shape[0]
        if not len(self.mean) == len(self.std) == channels:
            raise ValueError(f"mean and std must have one number for each of {channels} channels")
        check_statistics(self.actions, self.action_dim)
        return self

    def differs(self, other: "LatentSpec") -> tuple[str, object, object] | None:
        """The first field by which other latents are not of the same kind, with both values.

        Whitening, storage and stride may differ.
        """
        for field in ("dataset", "encoder", "codec", "source", "latent_shape"):
            ours, theirs = getattr(self, field), getattr(other, field)
            if ours != theirs:
                return field, ours, theirs
        return None

    def columns(self) -> dict[str, Column]:
        """The arrays of a store, by name."""
        names = ("mean", "std") if self.stochastic else ("mean",)
        columns = {name: Column(self.latent_shape, self.storage, strided=True) for name in names}
        if self.storage == "int8":
            scale = Column(self.latent_shape[:1], "float32", strided=True)
            columns |= {f"{name}{SCALE}": scale for name in names}
        columns["actions"] = Column((self.action_dim,), "float32", strided=False)
        if self.state_dim:
            columns["states"] = Column((self.state_dim,), "float32", strided=False)
        if self.camera_scale is not None:
            columns["cameras"] = Column((ROW,), "float32", strided=False)
        return columns

    def num_latents(self, frames: int) -> int:
        """Number of latents of an episode of so many frames."""
        return -(-frames // self.stride)

    def as_published(self) -> Self:
        """A spec that whitens by `published_scale` alone, as the encoder's authors do."""
        scale, channels = self.published_scale or 1.0, len(self.mean)
        changes = {"mean": [0.0] * channels, "std": [1 / scale] * channels}
        return self.model_copy(update=changes)

    def whiten(self, latents: Tensor) -> Tensor:
        """Raw latents [..., C, h, w], minus `mean` and divided by `std` of their channel."""
        return self.whiten_(latents.clone())

    def whiten_(self, latents: Tensor) -> Tensor:
        """Whiten raw latents [..., C, h, w] in place."""
        mean, std = self.moments(latents)
        return latents.sub_(mean).div_(std)

    def unwhiten(self, latents: Tensor) -> Tensor:
        """Whitened latents [..., C, h, w] back to raw ones."""
        mean, std = self.moments(latents)
        return latents * std + mean

    def squared_error(self, latents: Tensor, truth: Tensor, unit: "LatentSpec") -> Tensor:
        """Mean squared error [...] of latents [..., C, h, w], both whitened by this spec.

        It is in units of the latents that `unit` whitens, so that models which whiten differently
        can be compared.
        """
        scale = torch.tensor(self.std) / torch.tensor(unit.std)
        return ((latents - truth) * scale[:, None, None]).square().mean((-3, -2, -1))

    @property
    def motion_dim(self) -> int:
        """Numbers of a camera's motion that follow an action's in what a model is given."""
        return 0 if self.camera_scale is None else MOTION

    @property
    def row_dim(self) -> int:
        """Numbers of an action, with those of the motion that follows it if there are any."""
        return self.action_dim + self.motion_dim

    def refuse_cameras(self, what: str) -> None:
        """Say that `what`, which makes up actions, has no use for a model with cameras.

        Raises:
            ParamsError: this is the spec of one.
        """
        if self.camera_scale is not None:
            raise ParamsError(
                f"{what} does not know where the camera goes under an action, but this world model "
                "is conditioned by cameras; roll it out by `wm rollout`, or train one with "
                "denoisers.nanowm.camera: none"
            )

    def scale_actions(self, actions: Tensor) -> Tensor:
        """Actions [..., A] in the world's units, standardised if `normalise_actions`."""
        return self.standardise_actions(actions) if self.normalise_actions else actions

    def network_actions(self, actions: Tensor) -> Tensor:
        """Actions [..., interval, A] in the world's units as network input, [..., interval A].

        Those of a model with cameras are [..., interval, A + MOTION], as `with_motions` makes them;
        the motion comes last, once, its translation scaled: [..., interval A + MOTION].
        """
        if self.camera_scale is None:
            return self.scale_actions(actions).flatten(-2)
        own, motions = actions.split([self.action_dim, self.motion_dim], -1)
        motion = motions[..., 0, :].clone()
        motion[..., TRANSLATION] *= self.camera_scale
        return torch.cat([self.scale_actions(own).flatten(-2), motion], -1)

    def standardise_actions(self, actions: Tensor) -> Tensor:
        """Actions [..., A] in the world's units, minus their mean and divided by their std."""
        return (actions - self.action("mean", actions)) / self.action("std", actions)

    def action(self, statistic: str, like: Tensor) -> Tensor:
        """A statistic of the actions, float32 [A], on the device of `like`."""
        return torch.tensor(self.actions[statistic], dtype=torch.float32, device=like.device)

    def moments(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """`mean` and `std` [C, 1, 1], of the type and on the device of `like`."""
        mean = torch.tensor(self.mean, dtype=like.dtype, device=like.device)
        std = torch.tensor(self.std, dtype=like.dtype, device=like.device)
        return mean[:, None, None], std[:, None, None]


class EpisodeEntry(FileModel):
    """One episode of a cache."""

    key: str
    split: Literal["train", "val"]
    length: int = Field(gt=0, le=2**40)
    meta: dict[str, float | int | str]


class Seal(FileModel):
    """Attribute of a complete store, written last."""

    spec: LatentSpec
    episodes: list[EpisodeEntry]

    def digest(self) -> str:
        """SHA-256 of all that it says."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()
