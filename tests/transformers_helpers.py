"""Small random networks of transformers, written by transformers itself."""

from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.encoders._shared.transformers import import_transformers

NAMES = ("dinov3", "vjepa2")
DINOV3 = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_register_tokens": 3, "image_size": 64,
}  # fmt: skip
VJEPA2 = {
    "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 3, "crop_size": 64,
    "frames_per_clip": 4, "pred_hidden_size": 24, "pred_num_attention_heads": 2,
    "pred_num_hidden_layers": 1, "pred_num_mask_tokens": 1,
}  # fmt: skip


def small(name: str, **changes: int) -> Any:
    """A network with every parameter drawn anew, as some would start at 0 or 1."""
    pytest.importorskip("transformers")
    package = import_transformers("test")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        if name == "dinov3":
            config = package.DINOv3ViTConfig(**{**DINOV3, **changes})
            network = package.DINOv3ViTModel(config)
        else:
            network = package.VJEPA2Model(package.VJEPA2Config(**{**VJEPA2, **changes}))
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
    return network.eval().requires_grad_(False)


def written(name: str, folder: Path) -> dict[str, str | None]:
    """The `weights` of params.yaml of a small network that is written into a folder."""
    small(name).save_pretrained(folder)
    return {"source": str(folder), "file": None, "revision": None, "sha256": None}
