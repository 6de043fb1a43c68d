"""Features of DINOv3 (Siméoni et al. 2025) trained on web images, by transformers.

`facebook/dinov3-vitb16-pretrain-lvd1689m` makes latents of 768 x 16 x 16 of frames at 256 pixels.
Its weights are gated: an account must accept the DINOv3 License first. The weights trained on
satellite images (sat493m) expect another normalisation of pixels and are not supported.
"""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from pipeline.encoders._shared import patch_codec
from pipeline.encoders._shared.feature_codec import FeatureCodec
from pipeline.encoders._shared.patch_codec import Options, ReadNetwork
from pipeline.encoders._shared.transformers import import_transformers, pretrained

__all__ = ["Options", "fit", "load"]

PLACE = "encoders.dinov3"


def fit(frames: Tensor, options: Options, seed: int) -> FeatureCodec:
    """Fit the reduction and the decoder of the features to training frames uint8 [N, 3, H, W]."""
    return patch_codec.fit(frames, options, seed, PLACE, reader())


def load(folder: Path, options: Options) -> FeatureCodec:
    """Load what `save` wrote, and the published weights that it points to."""
    return patch_codec.load(folder, options, reader())


def reader() -> ReadNetwork:
    """A function that loads the network; fails before any download if transformers is missing."""
    model = import_transformers(PLACE).DINOv3ViTModel
    return lambda folder: Dinov3(pretrained(model, folder, {}))


class Dinov3(nn.Module):
    """A DINOv3ViTModel as a `Network` of patch features."""

    def __init__(self, model: Any) -> None:
        """Wrap a DINOv3ViTModel."""
        super().__init__()
        self.model, self.patch = model, int(model.config.patch_size)

    def tokens(self, pixels: Tensor) -> Tensor:
        """The normalised last hidden state, without class and register tokens, [B, P, C]."""
        first = 1 + self.model.config.num_register_tokens
        return self.model(pixel_values=pixels).last_hidden_state[:, first:]
