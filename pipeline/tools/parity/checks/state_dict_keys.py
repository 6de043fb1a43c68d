"""Names and shapes in state dicts."""

import re
from collections.abc import Iterator

import torch

from pipeline.denoisers import Size, nanowm
from pipeline.tools.parity.checks.vae_tiny_io import autoencoder
from pipeline.tools.parity.golden import Arrays, Check, Folder, not_understood, same_shapes

MODEL = re.compile(r"NanoWM-(S|B|L|XL)/(\d)_(\w+)")
SIZE = Size(latent_shape=(4, 32, 32), action_dim=7, frames=4)


def check(arrays: Arrays, folder: Folder) -> Iterator[Check]:
    """`NanoWM-SIZE/PATCH_INJECTION` and `sd_vae`: number of names or shapes that differ."""
    for name, theirs in folder.json("state_dict_keys").items():
        with torch.device("meta"):
            if match := MODEL.fullmatch(name):
                size, patch, injection = match.groups()
                options = nanowm.published_options(size, int(patch), injection, causal=True)
                model: torch.nn.Module = nanowm.build(options, SIZE)
            elif name == "sd_vae":
                model = autoencoder((128, 256, 512, 512), 32)
            else:
                yield not_understood(name)
                continue
        yield same_shapes(name, model, theirs)
