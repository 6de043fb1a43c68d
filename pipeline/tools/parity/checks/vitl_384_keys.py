"""Names and shapes in the state dict of V-JEPA 2.1's published ViT-L."""

from collections.abc import Iterator

import torch

from pipeline.encoders.vjepa2_1.vit import VisionTransformer
from pipeline.tools.parity.golden import Arrays, Check, Folder, same_shapes

WIDTH, DEPTH, HEADS = 1024, 24, 16


def check(arrays: Arrays, folder: Folder) -> Iterator[Check]:
    """Number of names or shapes that differ."""
    with torch.device("meta"):
        network = VisionTransformer(WIDTH, DEPTH, HEADS)
    yield same_shapes("shapes", network, folder.json("vitl_384_keys"))
