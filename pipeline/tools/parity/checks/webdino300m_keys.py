"""Names and shapes in the state dict of facebook/webssl-dino300m-full2b-224."""

from collections.abc import Iterator

import torch

from pipeline.encoders.web_dino import Config, Dinov2
from pipeline.tools.parity.golden import Arrays, Check, Folder, same_shapes

CONFIG = {
    "hidden_act": "gelu",
    "hidden_size": 1024,
    "image_size": 224,
    "layer_norm_eps": 1e-6,
    "mlp_ratio": 4,
    "model_type": "dinov2",
    "num_attention_heads": 16,
    "num_channels": 3,
    "num_hidden_layers": 24,
    "patch_size": 14,
    "qkv_bias": True,
    "use_mask_token": True,
    "use_swiglu_ffn": True,
}
"""Its config.json."""


def check(arrays: Arrays, folder: Folder) -> Iterator[Check]:
    """Number of names or shapes that differ."""
    with torch.device("meta"):
        network = Dinov2(Config.model_validate(CONFIG))
    yield same_shapes("shapes", network, folder.json("webdino300m_keys"))
