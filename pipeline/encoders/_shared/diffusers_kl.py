"""A KL autoencoder that only diffusers can read, imported where one is met."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.compute.torchvision_shim import make_importable
from pipeline.encoders._shared.autoencoder_kl import Gaussian
from pipeline.weights.shapes import require_size

CONFIG, WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"


def load(folder: Path, levels: int, way_out: str) -> "DiffusersKl":
    """The AutoencoderKL of diffusers in a folder, of so many resolutions.

    Raises:
        DataError: it describes far more weights than it has, and `way_out` says what to do.
        OSError: a file is missing or damaged.
        ValueError: a file is damaged, weights are missing or unexpected (diffusers only warns), or
            the network cannot run.
        RuntimeError: shapes of weights do not match the config.
    """
    make_importable()
    from diffusers import AutoencoderKL

    config = AutoencoderKL.load_config(folder, local_files_only=True)
    require_size(lambda: AutoencoderKL.from_config(config), folder / WEIGHTS, way_out)
    vae, report = AutoencoderKL.from_pretrained(
        folder,
        use_safetensors=True,
        local_files_only=True,
        low_cpu_mem_usage=False,
        output_loading_info=True,
    )
    for wrong in ("missing_keys", "unexpected_keys"):
        if report[wrong]:
            count, kind = len(report[wrong]), wrong.replace("_", " ")
            raise ValueError(f"{count} {kind}, such as {report[wrong][0]}")
    _try(vae, 2**levels)  # the deepest level is halved levels - 1 times, to 2 x 2
    return DiffusersKl(vae)


@torch.inference_mode()
def _try(vae: Any, side: int) -> None:
    """Run one small frame: diffusers builds networks that some fields of config.json break."""
    try:
        vae(torch.zeros(1, 3, side, side))
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"{CONFIG} describes a network that cannot run ({error})") from None


class DiffusersKl(nn.Module):
    """An AutoencoderKL of diffusers, to be used as an `AutoencoderKl`."""

    def __init__(self, vae: Any) -> None:
        """Take it."""
        super().__init__()
        self.vae = vae

    def encode(self, frames: Tensor) -> Gaussian:
        """Frames [B, 3, H, W] around -1..1 to their posterior [B, C, h, w]."""
        posterior = self.vae.encode(frames).latent_dist
        return Gaussian(posterior.mean, posterior.logvar)

    def decode(self, latents: Tensor) -> Tensor:
        """Latents [B, C, h, w] to frames [B, 3, H, W] around -1..1."""
        frames: Tensor = self.vae.decode(latents).sample
        return frames
