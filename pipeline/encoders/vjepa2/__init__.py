"""Features of V-JEPA 2 (Assran et al. 2025) of each frame alone, by transformers.

`facebook/vjepa2-vitl-fpc64-256` (MIT) makes latents of 1024 x 16 x 16 of frames at 256 pixels. It
takes videos, with a tubelet of two frames per token: a single frame is repeated, as the authors do
with images. V-JEPA 2.1, which embeds images by a layer of their own, is `vjepa2_1`.
"""

from pathlib import Path
from typing import Any

from einops import repeat
from torch import Tensor, nn

from pipeline.encoders._shared import patch_codec
from pipeline.encoders._shared.feature_codec import FeatureCodec
from pipeline.encoders._shared.patch_codec import Options, ReadNetwork
from pipeline.encoders._shared.transformers import import_transformers, pretrained

__all__ = ["Options", "fit", "load"]

PLACE = "encoders.vjepa2"


def fit(frames: Tensor, options: Options, seed: int) -> FeatureCodec:
    """Fit the reduction and the decoder of the features to training frames uint8 [N, 3, H, W]."""
    return patch_codec.fit(frames, options, seed, PLACE, reader(options.size))


def load(folder: Path, options: Options) -> FeatureCodec:
    """Load what `save` wrote, and the published weights that it points to."""
    return patch_codec.load(folder, options, reader(options.size))


def reader(size: int) -> ReadNetwork:
    """A function that loads the network for images of size x size.

    Fails before any download if transformers is missing. The grid of positions has to follow the
    size: transformers takes it from the config, published for 256 pixels.
    """
    model = import_transformers(PLACE).VJEPA2Model
    return lambda folder: VJepa2(pretrained(model, folder, {"crop_size": size}))


class VJepa2(nn.Module):
    """A VJEPA2Model as a `Network` of patch features."""

    def __init__(self, model: Any) -> None:
        """Wrap a VJEPA2Model."""
        super().__init__()
        self.model, self.patch = model, int(model.config.patch_size)

    def tokens(self, pixels: Tensor) -> Tensor:
        """Last hidden state of the encoder for a still video of each image, [B, P, C]."""
        video = repeat(pixels, "b c h w -> b t c h w", t=self.model.config.tubelet_size)
        return self.model(pixel_values_videos=video, skip_predictor=True).last_hidden_state
