"""Patch features as latents, for encoders published as config.json and model.safetensors."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, Self

import torch
from einops import rearrange
from pydantic import Field
from torch import Tensor

from pipeline.compute.device import pick
from pipeline.encoders._shared.decoder import DecoderOptions
from pipeline.encoders._shared.feature_codec import (
    FeatureCodec,
    fit_feature_codec,
    load_feature_codec,
)
from pipeline.encoders._shared.imagenet import normalise
from pipeline.encoders._shared.reduced_backbone import Reduction, fit_reduction, load_reduction
from pipeline.errors import ParamsError
from pipeline.weights.pretrained import (
    LocatedWeights,
    Weights,
    WithWeights,
    locate,
    locate_again,
    write_pointer,
)

CONFIG, TENSORS = "config.json", "model.safetensors"


class Options(Reduction, WithWeights):
    """Weights, input size, reduction and decoder."""

    weight_files = CONFIG, TENSORS
    weights: Weights = Field(description=f"{CONFIG} and {TENSORS} in a folder")
    size: int = Field(
        gt=0, description="side in pixels that frames are resized to: a multiple of the patch size"
    )
    decoder: DecoderOptions


class Network(Protocol):
    """A published network in float32, in inference mode and without gradients."""

    patch: int
    """Side of a patch in pixels."""

    def to(self, device: torch.device) -> Any:
        """Move to a device."""

    def tokens(self, pixels: Tensor) -> Tensor:
        """Pixels [B, 3, H, W], ImageNet-normalised, to patch features [B, H W / patch^2, C]."""


ReadNetwork = Callable[[Path], Network]
"""Loads a network from a folder with config.json and model.safetensors."""


def fit(frames: Tensor, options: Options, seed: int, place: str, read: ReadNetwork) -> FeatureCodec:
    """Fit the reduction and the decoder to frames uint8 [N, 3, H, W]; the network is frozen.

    Raises:
        DataError: the weights cannot be located or downloaded, or are of another network.
        ParamsError: the size, below `place` in params.yaml, is no multiple of the patch size, or
            there are fewer features than `pool` and `channels` need.
    """
    located = locate(options.weights, f"{place}.weights", (CONFIG, TENSORS))
    network = read(located.path)
    if options.size % network.patch:
        raise ParamsError(
            f"{place}.size = {options.size} is no multiple of the patch size {network.patch} in "
            f"{located.path / CONFIG}; take {network.patch * max(options.size // network.patch, 1)}"
        )
    backbone = Backbone(network, options.size, located).to(pick())
    reduced = fit_reduction(backbone, frames, options, place)
    return fit_feature_codec(reduced, frames, options.decoder, seed, options.pool)


def load(folder: Path, options: Options, read: ReadNetwork) -> FeatureCodec:
    """Load what `save` wrote, and the published weights that it points to.

    Raises:
        DataError: the weights are gone, or have been replaced.
    """
    located = locate_again(folder)
    backbone = Backbone(read(located.path), options.size, located)
    return load_feature_codec(load_reduction(backbone, folder, options), folder, options.pool)


class Backbone:
    """A `Backbone` of patch features; they are [C, size / patch, size / patch]."""

    def __init__(self, network: Network, size: int, located: LocatedWeights) -> None:
        """Wrap a network whose input is size x size pixels, read from `located`."""
        self.network, self.size, self.located = network, size, located
        self.device = torch.device("cpu")

    def to(self, device: torch.device) -> Self:
        """Move to a device."""
        self.network.to(device)
        self.device = device
        return self

    @torch.no_grad()
    def encode(self, frames: Tensor) -> Tensor:
        """Frames uint8 [B, 3, H, W] to patch features [B, C, h, w]."""
        patches = self.network.tokens(normalise(frames.to(self.device), self.size))
        rows = self.size // self.network.patch
        return rearrange(patches, "b (h w) c -> b c h w", h=rows).contiguous()

    def save(self, folder: Path) -> None:
        """Write weights.json, which points to the published weights."""
        write_pointer(folder, self.located)
