"""Features of Web-DINO: DINOv2 trained on two billion pictures of the web (Fan et al. 2025).

`facebook/webssl-dino300m-full2b-224` makes latents of 1024 x 16 x 16 of frames at 224 pixels, as in
Nano World Models. Web-SSL's weights are licensed CC-BY-NC 4.0: not for commercial use.
"""

from pathlib import Path

from torch import Tensor

from pipeline.encoders._shared import dinov2_codec, patch_codec
from pipeline.encoders._shared.dinov2 import Config, Dinov2
from pipeline.encoders._shared.feature_codec import FeatureCodec
from pipeline.encoders._shared.patch_codec import CONFIG, Options
from pipeline.errors import DataError

__all__ = ["Config", "Dinov2", "Options", "fit", "load"]


def fit(frames: Tensor, options: Options, seed: int) -> FeatureCodec:
    """Fit the reduction and the decoder of the features to training frames uint8 [N, 3, H, W]."""
    return patch_codec.fit(frames, options, seed, "encoders.web_dino", read)


def load(folder: Path, options: Options) -> FeatureCodec:
    """Load what `save` wrote, and the published weights that it points to."""
    return patch_codec.load(folder, options, read)


def read(folder: Path) -> Dinov2:
    """The network of a folder, as `dinov2_codec.read` loads it, if it has Web-SSL's SwiGLU layers.

    Raises:
        DataError: the network is plain DINOv2, or its files are damaged.
    """
    path = folder / CONFIG
    if not dinov2_codec.config(path).use_swiglu_ffn:
        raise DataError(
            f"{path}: use_swiglu_ffn = false is plain DINOv2, not Web-DINO; set encoder to dinov2 "
            "and point encoders.dinov2.weights.source at this folder"
        )
    return dinov2_codec.read(folder)
