"""A KL autoencoder of diffusers, which maps a frame to a Gaussian posterior."""

from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from pipeline.compute.device import device_of
from pipeline.compute.torchvision_shim import make_importable
from pipeline.encoders import Encoder, Posterior
from pipeline.encoders._shared.pixels import to_float, to_uint8


def load_vae(folder: Path) -> Any:
    """The AutoencoderKL of diffusers in a folder; weights under older names are read too.

    Raises:
        OSError: a file is missing or damaged.
        ValueError: a file is damaged, or weights are missing or unexpected (diffusers only warns).
        RuntimeError: shapes of weights do not match the config.
    """
    make_importable()
    from diffusers import AutoencoderKL

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
    return vae


class KlAutoencoder(Encoder):
    """An encoder by a KL autoencoder; subclasses add `save`."""

    stochastic = True
    published_scale: float | None = None
    decoder_kind = "own"

    def __init__(self, vae: Any) -> None:
        """Wrap a diffusers autoencoder for inference, in the faster channels-last format."""
        self.vae = vae.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    def to(self, device: torch.device) -> Self:
        """Move to a device."""
        self.vae.to(device)
        return self

    @torch.inference_mode()
    def encode(self, frames: Tensor) -> Posterior:
        """Frames uint8 [B, 3, H, W] to the posterior, mean and std [B, C, h, w]."""
        posterior = self.vae.encode(to_float(frames.to(device_of(self.vae)))).latent_dist
        return Posterior(posterior.mean, posterior.std)

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> Tensor:
        """Latents [B, C, h, w] to frames uint8 [B, 3, H, W]."""
        return to_uint8(self.vae.decode(latents.to(device_of(self.vae))).sample)
