"""V-JEPA 2.1's features of each frame alone (arXiv 2603.14482), with a small decoder.

Nano World Models' `vjepa2_1` codec: frames at 256 pixels to 16 x 16 tokens of width 1024. It has
no decoder there.
"""

from pathlib import Path
from typing import Self

import torch
from einops import rearrange
from pydantic import Field
from torch import Tensor

from pipeline.compute.device import device_of, pick
from pipeline.encoders._shared.decoder import DecoderOptions
from pipeline.encoders._shared.feature_codec import (
    FeatureCodec,
    fit_feature_codec,
    load_feature_codec,
)
from pipeline.encoders._shared.imagenet import normalise
from pipeline.encoders._shared.reduced_backbone import Reduction, fit_reduction, load_reduction
from pipeline.encoders.vjepa2_1.vit import PATCH, load_network
from pipeline.errors import DataError, ParamsError
from pipeline.files.places import from_project
from pipeline.files.tensors import read_tensors
from pipeline.weights.pretrained import (
    LocatedWeights,
    Weights,
    WithWeights,
    locate,
    locate_again,
    write_pointer,
)

PLACE = "encoders.vjepa2_1"
PUBLISHED = "vjepa2_1_vitl_dist_vitG_384.pt"
SHA256 = "7ea9b7cb4a75d10644a8a8d42cff9e177b10dca8f02173f0eaf2b0bed82838c6"
"""Of the published checkpoint."""
ORIGIN = f"https://dl.fbaipublicfiles.com/vjepa2/{PUBLISHED} (5.2 GB, sha256 {SHA256})"


class Options(Reduction, WithWeights):
    """Weights, input size, reduction and decoder."""

    weights_by_hand = f"download {ORIGIN} and run `wm extract-vjepa {PUBLISHED} WEIGHTS`"
    weights: Weights
    size: int = Field(
        ge=2 * PATCH, multiple_of=PATCH, description="side that frames are resized to"
    )
    heads: int = Field(gt=0, description="attention heads, which the weights do not tell")
    decoder: DecoderOptions


def fit(frames: Tensor, options: Options, seed: int) -> FeatureCodec:
    """Fit the reduction and the decoder to training frames uint8 [N, 3, H, W].

    Raises:
        DataError: the weights are missing, or are not those of an encoder of V-JEPA 2.1.
        ParamsError: the number of heads does not fit, or there are fewer features than `channels`.
    """
    _require(options.weights)
    backbone = VJepa(locate(options.weights, f"{PLACE}.weights"), options).to(pick())
    reduced = fit_reduction(backbone, frames, options, PLACE)
    return fit_feature_codec(reduced, frames, options.decoder, seed, options.pool)


def load(folder: Path, options: Options) -> FeatureCodec:
    """Load what `save` wrote, and the published weights that it points to.

    Raises:
        DataError: the weights are gone, or have been replaced.
    """
    _require(options.weights)
    backbone = load_reduction(VJepa(locate_again(folder), options), folder, options)
    return load_feature_codec(backbone, folder, options.pool)


class VJepa:
    """A `Backbone` of patch features [C, size / 16, size / 16], C the width."""

    def __init__(self, located: LocatedWeights, options: Options) -> None:
        """Read the weights."""
        self.located, self.size = located, options.size
        extract = "extract the encoder from a checkpoint with `wm extract-vjepa`"
        state = read_tensors(located.path, extract)
        self.network = load_network(state, options.heads, located.path)
        if self.network.width % (2 * options.heads):
            raise ParamsError(
                f"{PLACE}.heads = {options.heads} does not split the width {self.network.width} of "
                f"{located.path} into even parts"
            )

    def to(self, device: torch.device) -> Self:
        """Move to a device."""
        self.network.to(device)
        return self

    @torch.no_grad()
    def encode(self, frames: Tensor) -> Tensor:
        """Frames uint8 [B, 3, H, W] to features float32 [B, C, h, w]."""
        images = normalise(frames.to(device_of(self.network)), self.size)[:, :, None]
        rows = self.size // PATCH
        return rearrange(self.network(images), "b (h w) c -> b c h w", h=rows).contiguous()

    def save(self, folder: Path) -> None:
        """Write weights.json, which points to the published weights."""
        write_pointer(folder, self.located)


def _require(weights: Weights) -> None:
    """Refuse missing weights with the way to get them: they are on no hub."""
    if weights.file is None and not from_project(weights.source).exists():
        raise DataError(
            f"{PLACE}.weights.source = {weights.source!r}: no such file; download {ORIGIN} and "
            f"run `wm extract-vjepa {PUBLISHED} {weights.source}`"
        )
