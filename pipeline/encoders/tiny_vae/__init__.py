"""A small KL autoencoder trained on the data set itself (Rombach et al. 2022)."""

from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from pipeline import stage
from pipeline.compute.adamw import SHORT_BETAS
from pipeline.compute.optimiser import Optimiser
from pipeline.encoders import REMEDY
from pipeline.encoders._shared.autoencoder_kl import Architecture, AutoencoderKl
from pipeline.encoders._shared.kl import KlAutoencoder, load_vae, save_vae
from pipeline.encoders._shared.pixels import to_float
from pipeline.errors import ParamsError
from pipeline.params import Params

NORM_GROUPS = 8
MAX_LEVELS = 9
"""Most resolutions: at the ninth, frames of 256 pixels are down to a single one."""

Width = Annotated[int, Field(gt=0, multiple_of=NORM_GROUPS)]


class Options(Params):
    """Architecture and training of the autoencoder."""

    channels: list[Width] = Field(
        min_length=1,
        max_length=MAX_LEVELS,
        description="of each resolution, from full size down by halves",
    )
    latent_channels: int = Field(gt=0)
    l1_weight: float = Field(ge=0, description="of the absolute error, which keeps black black")
    kl_weight: float = Field(ge=0)
    steps: int = Field(gt=0)
    batch: int = Field(gt=0)
    learning_rate: float = Field(gt=0)

    def latent_grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the latents of frames of this size in pixels.

        Raises:
            ParamsError: the frames cannot be halved as often as there are resolutions.
        """
        levels = len(self.channels)
        side = 2 ** (levels - 1)
        if height % side or width % side:
            raise ParamsError(
                f"encoders.tiny_vae.channels = {levels} resolutions take sides that are multiples "
                f"of {side}, but frames are {height} x {width}; set datasets.NAME.resolution, or "
                "fewer channels"
            )
        return height // side, width // side


def fit(frames: Tensor, options: Options, seed: int) -> "TinyVae":
    """Train on frames uint8 [N, 3, H, W] with Adam on squared error, absolute error and KL.

    Raises:
        ParamsError: the frames cannot be halved as often as there are resolutions.
    """
    options.latent_grid(*frames.shape[2:])
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        vae = AutoencoderKl(
            Architecture(
                channels=tuple(options.channels),
                layers=1,
                latent_channels=options.latent_channels,
                groups=NORM_GROUPS,
            )
        )
    # The std starts at exp(-3): from the usual 1, the noise hides small objects for too long.
    with torch.no_grad():
        vae.quant_conv.get_parameter("bias")[options.latent_channels :] = -6.0
    generator = torch.Generator().manual_seed(seed)
    rate, steps = options.learning_rate, options.steps
    optimiser = Optimiser(vae.parameters(), rate, steps, betas=SHORT_BETAS, annealing="linear")
    for _ in stage.track(range(steps), "fit tiny_vae"):
        rows = torch.randint(len(frames), (options.batch,), generator=generator)
        pixels = to_float(frames[rows])
        posterior = vae.encode(pixels)
        noise = torch.randn(posterior.mean.shape, generator=generator)
        decoded = vae.decode(posterior.mean + posterior.std * noise)
        loss = functional.mse_loss(decoded, pixels)
        loss = loss + options.l1_weight * functional.l1_loss(decoded, pixels)
        loss = loss + options.kl_weight * posterior.kl().mean()
        optimiser.step(loss)
    return TinyVae(vae)


def load(folder: Path, options: Options) -> "TinyVae":
    """Load what `save` wrote."""
    vae, _ = load_vae(folder, REMEDY)
    return TinyVae(vae)


class TinyVae(KlAutoencoder):
    """A trained KL autoencoder; latents are [latent_channels, H / 2^n, W / 2^n]."""

    def save(self, folder: Path) -> None:
        """Write config.json and diffusion_pytorch_model.safetensors."""
        save_vae(self.vae, folder)
