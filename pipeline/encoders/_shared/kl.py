"""An autoencoder of diffusers with a posterior for every frame, fitted here or published."""

from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from pipeline.compute.device import device_of
from pipeline.compute.torchvision_shim import make_importable
from pipeline.encoders import Draws, Posterior
from pipeline.encoders._shared.pixels import painted, scaled


def opened(folder: Path) -> Any:
    """The AutoencoderKL of diffusers in a folder, with today's names for weights of before.

    Raises:
        OSError: a file is missing or damaged.
        ValueError: likewise; or weights are missing, of which diffusers only warns, or too many.
        RuntimeError: weights are of other shapes than the config says.
    """
    make_importable()
    from diffusers import AutoencoderKL

    vae, said = AutoencoderKL.from_pretrained(
        folder,
        use_safetensors=True,
        local_files_only=True,
        low_cpu_mem_usage=False,
        output_loading_info=True,
    )
    for wrong in ("missing_keys", "unexpected_keys"):
        if said[wrong]:
            count, kind = len(said[wrong]), wrong.replace("_", " ")
            raise ValueError(f"{count} {kind}, such as {said[wrong][0]}")
    return vae


class KlAutoencoder:
    """See `pipeline.encoders.Encoder`, of which `save` is left; mean and spread are both kept."""

    stochastic = True
    published_scale: float | None = None
    draws: Draws = "own"

    def __init__(self, vae: Any) -> None:
        """Wrap a diffusers autoencoder for inference, faster where channels lie last."""
        self.vae = vae.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    def to(self, device: torch.device) -> Self:
        """Move to a device."""
        self.vae.to(device)
        return self

    @torch.inference_mode()
    def encode(self, frames: Tensor) -> Posterior:
        """Frames uint8 [B, 3, H, W] to the posterior [B, C, h, w]."""
        posterior = self.vae.encode(scaled(frames.to(device_of(self.vae)))).latent_dist
        return Posterior(posterior.mean, posterior.std)

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> Tensor:
        """Latents [B, C, h, w] to frames uint8 [B, 3, H, W]."""
        return painted(self.vae.decode(latents.to(device_of(self.vae))).sample)
