"""The published autoencoder of Stable Diffusion (Rombach et al. 2022).

Latents are raw, without the factor of 0.18215 of latent diffusion: it is applied when world models
read them (`train.whitening`).
"""

from pathlib import Path

import torch
from torch import Tensor

from pipeline.compute.device import device_of
from pipeline.encoders import Posterior
from pipeline.encoders._shared.kl import Config, KlAutoencoder, Vae, load_vae
from pipeline.errors import ParamsError
from pipeline.files.content import parsing
from pipeline.weights.pretrained import (
    LocatedWeights,
    Weights,
    WithWeights,
    locate,
    locate_again,
    write_pointer,
)

PLACE = "encoders.sd_vae.weights"
FILES = ("config.json", "diffusion_pytorch_model.safetensors")
FACTOR = 8
"""Downsampling factor: pixels of a frame along one side of a latent."""
DECODE_BATCH = 8
"""Frames decoded at once: of 256 x 256 they take some GB."""


class Options(WithWeights):
    """Which published weights."""

    weight_files = FILES
    weights: Weights

    def latent_grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the latents of frames of this size in pixels.

        Raises:
            ParamsError: a side is no multiple of 8.
        """
        if height % FACTOR or width % FACTOR:
            raise ParamsError(
                f"encoder = 'sd_vae' takes sides that are multiples of {FACTOR}, but frames are "
                f"{height} x {width}; set datasets.NAME.resolution, such as to [256, 256]"
            )
        return height // FACTOR, width // FACTOR


def fit(frames: Tensor, options: Options, seed: int) -> "SdVae":
    """Load the published weights; `frames` uint8 [N, 3, H, W] are only checked for their size.

    Raises:
        ParamsError: frames of a size that is not a multiple of 8.
        DataError: the weights cannot be located or downloaded.
    """
    options.latent_grid(*frames.shape[2:])
    return SdVae(locate(options.weights, PLACE, FILES))


def load(folder: Path, options: Options) -> "SdVae":
    """Load the weights that weights.json points to."""
    return SdVae(locate_again(folder))


class SdVae(KlAutoencoder):
    """Stable Diffusion's autoencoder; latents are [4, H / 8, W / 8], in float32."""

    def __init__(self, located: LocatedWeights) -> None:
        """Read the weights.

        Raises:
            DataError: they are damaged, or those of another network.
        """
        vae, config = _read(located.path)
        super().__init__(vae)
        self.located, self.published_scale = located, config.scaling_factor

    def encode(self, frames: Tensor) -> Posterior:
        """Frames uint8 [B, 3, H, W] to the posterior; a CPU takes them one by one.

        50 of 256 x 256 take many GB.
        """
        parts = frames.split(1 if self._on_cpu() else max(len(frames), 1))
        posteriors = [KlAutoencoder.encode(self, part) for part in parts]
        means, stds = ([getattr(each, name) for each in posteriors] for name in ("mean", "std"))
        return Posterior(torch.cat(means), torch.cat(stds))

    def pixels(self, latents: Tensor) -> Tensor:
        """Latents [B, 4, h, w] to pixels [B, 3, H, W] around -1..1, a few at a time."""
        parts = latents.split(1 if self._on_cpu() else DECODE_BATCH)
        return torch.cat([KlAutoencoder.pixels(self, part) for part in parts])

    def _on_cpu(self) -> bool:
        return device_of(self.vae).type == "cpu"

    def save(self, folder: Path) -> None:
        """Write weights.json, which points to the published weights."""
        write_pointer(folder, self.located)


def _read(folder: Path) -> tuple[Vae, Config]:
    what = "not an autoencoder of Stable Diffusion by diffusers"
    way_out = f"point {PLACE}.source at one"
    with parsing(folder, way_out, what):
        return load_vae(folder, way_out)
