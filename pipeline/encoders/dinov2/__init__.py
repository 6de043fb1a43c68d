"""Features of plain DINOv2 (Oquab et al. 2023), such as `facebook/dinov2-base`; Apache 2.0.

Its positions were learned at 518 pixels and are resized to those of `size`.
"""

from pathlib import Path

from torch import Tensor

from pipeline.encoders._shared import patch_codec
from pipeline.encoders._shared.dinov2_codec import read
from pipeline.encoders._shared.feature_codec import FeatureCodec
from pipeline.encoders._shared.patch_codec import Options

__all__ = ["Options", "fit", "load", "read"]


def fit(frames: Tensor, options: Options, seed: int) -> FeatureCodec:
    """Fit the reduction and the decoder of the features to training frames uint8 [N, 3, H, W]."""
    return patch_codec.fit(frames, options, seed, "encoders.dinov2", read)


def load(folder: Path, options: Options) -> FeatureCodec:
    """Load what `save` wrote, and the published weights that it points to."""
    return patch_codec.load(folder, options, read)
