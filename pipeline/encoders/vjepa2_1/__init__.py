"""V-JEPA 2.1's features of each frame alone (arXiv 2603.14482), with a small decoder.

Nano World Models' `vjepa2_1` codec: frames at 256 pixels to 16 x 16 tokens of width 1024. It has
no decoder there.
"""

from pathlib import Path
from typing import Self

import torch
from einops import rearrange
from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from pipeline.compute.device import device_of, pick
from pipeline.encoders._shared.decoder import DecoderOptions
from pipeline.encoders._shared.feature_codec import (
    FeatureCodec,
    fit_feature_codec,
    load_feature_codec,
)
from pipeline.encoders._shared.imagenet import normalised
from pipeline.encoders._shared.reduced_backbone import Reduction, fit_reduction, load_reduction
from pipeline.encoders.vjepa2_1.vit import PATCH, loaded
from pipeline.errors import DataError, ParamsError
from pipeline.weights.pretrained import LocatedWeights, Weights, locate, locate_again, write_pointer

PLACE = "encoders.vjepa2_1"
PUBLISHED = "vjepa2_1_vitl_dist_vitG_384.pt"
SHA256 = "7ea9b7cb4a75d10644a8a8d42cff9e177b10dca8f02173f0eaf2b0bed82838c6"
"""Of the published checkpoint."""
ORIGIN = f"https://dl.fbaipublicfiles.com/vjepa2/{PUBLISHED} (5.2 GB, sha256 {SHA256})"


class Options(Reduction):
    """Which weights, how large frames are shown to them, what is kept, and the decoder."""

    weights: Weights
    size: int = Field(
        ge=2 * PATCH, multiple_of=PATCH, description="side that frames are resized to"
    )
    heads: int = Field(gt=0, description="of each attention: the weights do not tell")
    decoder: DecoderOptions


def fit(frames: Tensor, options: Options, seed: int) -> FeatureCodec:
    """Fit what is kept and the decoder to training frames uint8 [N, 3, H, W].

    Raises:
        DataError: the weights are not there, or are not those of an encoder of V-JEPA 2.1.
        ParamsError: there are no such heads, or less is there than is to be kept.
    """
    _require(options.weights)
    whole = VJepa(locate(options.weights, f"{PLACE}.weights"), options).to(pick())
    backbone = fit_reduction(whole, frames, options, PLACE)
    return fit_feature_codec(backbone, frames, options.decoder, seed, options.pool)


def load(folder: Path, options: Options) -> FeatureCodec:
    """Read what `save` wrote, and the weights from where they were found.

    Raises:
        DataError: the weights are gone, or are others.
    """
    _require(options.weights)
    backbone = load_reduction(VJepa(locate_again(folder), options), folder, options)
    return load_feature_codec(backbone, folder, options.pool)


class VJepa:
    """See `pipeline.encoders._shared.feature_codec.Backbone`; C is the width, h = w = size / 16."""

    def __init__(self, located: LocatedWeights, options: Options) -> None:
        """Read the weights."""
        self.located, self.size = located, options.size
        try:
            state = load_file(located.path)
        except SafetensorError as error:
            raise DataError(
                f"{located.path}: no safetensors ({error}); extract the encoder from a checkpoint "
                "with `wm extract-vjepa`"
            ) from None
        self.network = loaded(state, options.heads, located.path)
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
        pictures = normalised(frames.to(device_of(self.network)), self.size)[:, :, None]
        rows = self.size // PATCH
        return rearrange(self.network(pictures), "b (h w) c -> b c h w", h=rows).contiguous()

    def save(self, folder: Path) -> None:
        """Write weights.json, which says which weights these are."""
        write_pointer(folder, self.located)


def _require(weights: Weights) -> None:
    """Say how to come by the weights, which are on no hub, where they are not on this machine."""
    if weights.file is None and not Path(weights.source).exists():
        raise DataError(
            f"{PLACE}.weights.source = {weights.source!r}: no such file; download {ORIGIN} and "
            f"run `wm extract-vjepa {PUBLISHED} {weights.source}`"
        )
