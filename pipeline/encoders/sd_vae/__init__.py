"""The autoencoder of Stable Diffusion, as published (Rombach et al. 2022, by diffusers).

Latents are those of the posterior, without the factor of 0.18215 that diffusion models multiply
them by: world models do so when they read them (`train.whitening`).
"""

from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from pipeline.encoders._shared.kl import KlAutoencoder, load_vae
from pipeline.errors import DataError, ParamsError
from pipeline.params import Params
from pipeline.weights.pretrained import LocatedWeights, Weights, locate, locate_again, write_pointer

PLACE = "encoders.sd_vae.weights"
FILES = ("config.json", "diffusion_pytorch_model.safetensors")
SIDE = 8
"""Pixels of a frame along one side of a latent."""
DECODED = 8
"""Frames decoded at once: of 256 x 256 they take some GB."""


class Options(Params):
    """Which of the published autoencoders."""

    weights: Weights


def fit(frames: Tensor, options: Options, seed: int) -> "SdVae":
    """The published weights as they are: `frames` uint8 [N, 3, H, W] and `seed` change nothing.

    Raises:
        ParamsError: frames of a size that is not a multiple of 8.
        DataError: the weights are not to be had.
    """
    height, width = frames.shape[2:]
    if height % SIDE or width % SIDE:
        raise ParamsError(
            f"encoder = 'sd_vae' takes sides that are multiples of {SIDE}, but frames are "
            f"{height} x {width}; set datasets.NAME.resolution, such as to [256, 256]"
        )
    return SdVae(locate(options.weights, PLACE, FILES))


def load(folder: Path, options: Options) -> "SdVae":
    """Read the weights that `save` wrote of."""
    return SdVae(locate_again(folder))


class SdVae(KlAutoencoder):
    """See `pipeline.encoders.Encoder`; latents are [4, H / 8, W / 8], in float32."""

    def __init__(self, located: LocatedWeights) -> None:
        """Read the weights.

        Raises:
            DataError: they are damaged, or of something else.
        """
        super().__init__(_read(located.path))
        self.located = located
        self.published_scale = float(self.vae.config.scaling_factor)
        self.to(torch.device("cpu"))

    def to(self, device: torch.device) -> Self:
        """Move to a device; a CPU goes frame by frame, as 50 of 256 x 256 take many GB at once."""
        self.vae.use_slicing = device.type == "cpu"
        return super().to(device)

    def decode(self, latents: Tensor) -> Tensor:
        """Latents [B, 4, h, w] to frames uint8 [B, 3, H, W], a few at a time."""
        return torch.cat([KlAutoencoder.decode(self, few) for few in latents.split(DECODED)])

    def save(self, folder: Path) -> None:
        """Write where the weights are, and their digest."""
        write_pointer(folder, self.located)


def _read(folder: Path) -> Any:
    try:
        return load_vae(folder)
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{folder}: not an autoencoder of Stable Diffusion by diffusers ({reason}); point "
            f"{PLACE}.source at one"
        ) from None
