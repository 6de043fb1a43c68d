"""Features of Web-DINO: DINOv2 trained on two billion pictures of the web (Fan et al. 2025).

`facebook/webssl-dino300m-full2b-224` makes latents of 1024 x 16 x 16 of frames at 224 pixels, as in
Nano World Models. Web-SSL's weights are licensed CC-BY-NC 4.0: not for commercial use.
"""

from torch import Tensor

from pipeline.encoders import _dinov2_codec
from pipeline.encoders._dinov2_codec import load
from pipeline.encoders._patch_codec import Options
from pipeline.encoders._semantic import Semantic

__all__ = ["Options", "fit", "load"]


def fit(frames: Tensor, options: Options, seed: int) -> Semantic:
    """Fit a decoder of the features to training frames uint8 [N, 3, H, W]."""
    return _dinov2_codec.fit(frames, options, seed, "encoders.web_dino")
