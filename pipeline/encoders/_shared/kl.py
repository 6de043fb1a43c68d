"""A KL autoencoder of diffusers, which maps a frame to a Gaussian posterior."""

from pathlib import Path
from typing import Annotated, Any, Self

import torch
from pydantic import Field
from torch import Tensor

from pipeline.compute.device import device_of
from pipeline.compute.torchvision_shim import make_importable
from pipeline.encoders import Posterior
from pipeline.encoders._shared.pixels import PixelDecoder, to_float
from pipeline.files.json_model import FileModel, read_json
from pipeline.weights.shapes import require_size

CONFIG, WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"
Widths = Annotated[list[Annotated[int, Field(gt=0, le=2**14)]], Field(min_length=1, max_length=8)]


class Config(FileModel):
    """Fields of config.json that decide how large the network is, and its scale."""

    block_out_channels: Widths
    layers_per_block: int = Field(1, ge=0, le=100)
    latent_channels: int = Field(4, gt=0, le=2**14)
    scaling_factor: float = Field(0.18215, gt=0)


def load_vae(folder: Path, way_out: str) -> Any:
    """The AutoencoderKL of diffusers in a folder; weights under older names are read too.

    Raises:
        DataError: a file is missing or damaged, and `way_out` says what to do.
        OSError: a file is missing or damaged.
        ValueError: a file is damaged, weights are missing or unexpected (diffusers only warns), or
            the network cannot run.
        RuntimeError: shapes of weights do not match the config.
    """
    make_importable()
    from diffusers import AutoencoderKL

    levels = len(read_json(folder / CONFIG, Config, way_out).block_out_channels)
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
    return vae


@torch.inference_mode()
def _try(vae: Any, side: int) -> None:
    """Run one small frame: diffusers builds networks that some fields of config.json break."""
    try:
        vae(torch.zeros(1, 3, side, side))
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"{CONFIG} describes a network that cannot run ({error})") from None


class KlAutoencoder(PixelDecoder):
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

    def pixels(self, latents: Tensor) -> Tensor:
        """Latents [B, C, h, w] to pixels [B, 3, H, W] around -1..1."""
        return self.vae.decode(latents.to(device_of(self.vae))).sample
