"""What cached latents are: the spec that seals a store and travels with every model."""

from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from pipeline.view import View

Precision = Literal["float32", "bfloat16"]
SEAL = "nano_world_models"
"""Attribute of a zarr store under which its Seal stands."""


class LatentSpec(BaseModel):
    """What the latents are; every model carries the spec of the latents it was trained on."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    encoder: str
    codec: str
    """Digest of the fitted encoder."""
    source: str
    """Digest of the shards that were encoded."""
    view: View
    """How encoders were shown the recorded frames."""
    interval: int
    """Environment steps from one frame of a model to the next, as published."""
    latent_shape: tuple[int, int, int]
    """Channels, height, width."""
    stochastic: bool
    mean: list[float]
    std: list[float]
    """Per channel over sampled latents of the train split: sampling counts into the spread."""
    action_dim: int
    state_dim: int
    normalise_actions: bool
    actions: dict[str, list[float]]
    """Mean, std, min and max of the train split's actions, per dimension."""
    precision: Precision
    """In which the encoder computed."""

    def array_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of one frame's entry in each array of a store."""
        spread = {"std": self.latent_shape} if self.stochastic else {}
        states = {"states": (self.state_dim,)} if self.state_dim else {}
        return {"mean": self.latent_shape, **spread, "actions": (self.action_dim,), **states}

    def whiten(self, latents: Tensor) -> Tensor:
        """Raw latents [..., C, h, w] to mean 0 and variance 1 per channel."""
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
