"""A small autoencoder of Stable Diffusion, by diffusers."""

from collections.abc import Iterator
from typing import Any

import torch

from pipeline.compute.torchvision_shim import make_importable
from pipeline.tools.parity.golden import Arrays, Check, Folder, compare
from pipeline.tools.parity.latent_spec import latent_spec

TOLERANCE = 2e-5
SCALE = 0.18215
"""Scale factor of latents in the reference: whitening with mean 0 and std 1/SCALE."""


def check(arrays: Arrays, folder: Folder) -> Iterator[Check]:
    """Posterior `mean` and `logvar` of `x`, its scaled sample, and the sample `decoded`."""
    vae = autoencoder((8, 16, 16, 16), groups=4)
    vae.load_state_dict(folder.weights("vae_tiny"))
    spec = latent_spec(std=[1 / SCALE] * 4)
    with torch.inference_mode():
        posterior = vae.eval().encode(arrays("x")).latent_dist
        ours = {"mean": posterior.mean, "logvar": posterior.logvar}
        ours["z_scaled"] = spec.whiten(posterior.mean + posterior.std * arrays("eps"))
        ours["decoded"] = vae.decode(spec.unwhiten(ours["z_scaled"])).sample
    for name in ours:
        if name in arrays:
            yield compare(name, ours[name], arrays(name), TOLERANCE)


def autoencoder(channels: tuple[int, ...], groups: int) -> Any:
    """A randomly initialised autoencoder: channels per resolution, groups of its norms."""
    make_importable()
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * len(channels),
        up_block_types=("UpDecoderBlock2D",) * len(channels),
        block_out_channels=channels,
        layers_per_block=2,
        latent_channels=4,
        norm_num_groups=groups,
        scaling_factor=SCALE,
    )
