"""Features of DINOv3 (Siméoni et al. 2025) on pictures of the web, by transformers.

`facebook/dinov3-vitb16-pretrain-lvd1689m` makes latents of 768 x 16 x 16 of frames at 256 pixels.
Its weights are gated: they are given to an account that has accepted the DINOv3 License. Those
trained on satellite pictures (sat493m) expect another norm of pixels than is given here.
"""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from pipeline.encoders._shared import patch_codec as _patch_codec
from pipeline.encoders._shared.feature_codec import FeatureCodec
from pipeline.encoders._shared.patch_codec import Options, Read
from pipeline.encoders._shared.transformers import imported, pretrained

__all__ = ["Options", "fit", "load"]

PLACE = "encoders.dinov3"


def fit(frames: Tensor, options: Options, seed: int) -> FeatureCodec:
    """Fit a decoder of the features to training frames uint8 [N, 3, H, W]."""
    return _patch_codec.fit(frames, options, seed, PLACE, reader())


def load(folder: Path, options: Options) -> FeatureCodec:
    """Read what `save` wrote, and the weights that it points to."""
    return _patch_codec.load(folder, options, reader())


def reader() -> Read:
    """What reads the network, found before any weights are fetched."""
    model = imported(PLACE).DINOv3ViTModel
    return lambda folder: Dinov3(pretrained(model, folder, {}))


class Dinov3(nn.Module):
    """See `pipeline.encoders._shared.patch_codec.Network`."""

    def __init__(self, model: Any) -> None:
        """Take a DINOv3ViTModel."""
        super().__init__()
        self.model, self.patch = model, int(model.config.patch_size)

    def tokens(self, pixels: Tensor) -> Tensor:
        """The last hidden state, normed, without the class token and the registers before it."""
        first = 1 + self.model.config.num_register_tokens
        return self.model(pixel_values=pixels).last_hidden_state[:, first:]
