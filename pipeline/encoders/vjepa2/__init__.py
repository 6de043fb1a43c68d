"""Features of V-JEPA 2 (Assran et al. 2025) of each frame alone, by transformers.

`facebook/vjepa2-vitl-fpc64-256` (MIT) makes latents of 1024 x 16 x 16 of frames at 256 pixels. It
knows videos only, and puts a tubelet of two frames into a token: a single frame is shown twice,
as it does with pictures itself. V-JEPA 2.1, which has a way of its own for pictures, is `vjepa2_1`.
"""

from pathlib import Path
from typing import Any

from einops import repeat
from torch import Tensor, nn

from pipeline.encoders._shared import patch_codec as _patch_codec
from pipeline.encoders._shared.feature_codec import FeatureCodec
from pipeline.encoders._shared.patch_codec import Options, Read
from pipeline.encoders._shared.transformers import imported, pretrained

__all__ = ["Options", "fit", "load"]

PLACE = "encoders.vjepa2"


def fit(frames: Tensor, options: Options, seed: int) -> FeatureCodec:
    """Fit a decoder of the features to training frames uint8 [N, 3, H, W]."""
    return _patch_codec.fit(frames, options, seed, PLACE, reader(options.size))


def load(folder: Path, options: Options) -> FeatureCodec:
    """Read what `save` wrote, and the weights that it points to."""
    return _patch_codec.load(folder, options, reader(options.size))


def reader(size: int) -> Read:
    """What reads the network for pictures of size x size, found before any weights are fetched.

    Rows and columns are counted from 0 whatever the size, but transformers takes their number from
    the config: left at the published 256 pixels, it misplaces the patches of any other picture.
    """
    model = imported(PLACE).VJEPA2Model
    return lambda folder: VJepa2(pretrained(model, folder, {"crop_size": size}))


class VJepa2(nn.Module):
    """See `pipeline.encoders._shared.patch_codec.Network`."""

    def __init__(self, model: Any) -> None:
        """Take a VJEPA2Model."""
        super().__init__()
        self.model, self.patch = model, int(model.config.patch_size)

    def tokens(self, pixels: Tensor) -> Tensor:
        """The encoder's last hidden state of a video in which a picture stands still."""
        video = repeat(pixels, "b c h w -> b t c h w", t=self.model.config.tubelet_size)
        return self.model(pixel_values_videos=video, skip_predictor=True).last_hidden_state
