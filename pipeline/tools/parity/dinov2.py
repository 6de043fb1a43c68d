"""Tokens of DINOv2 and Web-DINO, against `Dinov2Model` of transformers."""

import re
from collections.abc import Iterator

from pipeline.encoders.dinov2 import read
from pipeline.tools.parity.golden import Arrays, Check, Folder, close

TOLERANCE = 2e-5
OUTPUT = re.compile(r"(\w+)\.(cls|patch_tokens)")


def check(arrays: Arrays, folder: Folder) -> Iterator[Check]:
    """`CASE.{cls,patch_tokens}` of `CASE.input_u8`, of the network in the folder."""
    for name in ("config.json", "model.safetensors"):
        folder.file(name)
    network = read(folder.path)
    for name in arrays:
        if match := OUTPUT.fullmatch(name):
            pixels = (arrays(f"{match[1]}.input_u8").float() - 128) / 64
            ours = network(pixels)[:, 0] if match[2] == "cls" else network.tokens(pixels)
            yield close(name, ours, arrays(name), TOLERANCE)
