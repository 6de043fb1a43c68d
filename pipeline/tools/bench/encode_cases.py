"""Pairs of encoders with the same random weights: a library's network, and ours."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.compute.torchvision_shim import make_importable
from pipeline.encoders import Encoder, sd_vae, web_dino
from pipeline.errors import ParamsError
from pipeline.weights.pretrained import Weights

PUBLISHED = {"sd_vae": (256, (128, 256, 512, 512)), "web_dino": (224, (1024, 24, 16))}
"""Side of frames; channels of the autoencoder's levels, or width, depth and heads of the ViT."""


@dataclass(frozen=True, slots=True)
class Case:
    """A library's network and our encoder with the same random weights.

    Attributes:
        library: name of the library.
        plain: its network.
        call: encodes frames uint8 [B, 3, H, W] with that network, to latents [B, ...].
        encoder: ours, with the same latents.
    """

    library: str
    plain: Any
    call: Callable[[Any, Tensor], Tensor]
    encoder: Encoder

    def on(self, device: torch.device) -> Callable[[Tensor], Tensor]:
        """`call` with the network on a device; frames are moved there, latents to the CPU."""
        network = self.plain.to(device)

        @torch.no_grad()
        def called(frames: Tensor) -> Tensor:
            return self.call(network, frames.to(device)).cpu()

        return called


def build_case(name: str, size: int, widths: tuple[int, ...]) -> Case:
    """The pair `name` for frames of size x size.

    Raises:
        ParamsError: `web_dino` without transformers.
    """
    with tempfile.TemporaryDirectory() as folder, torch.random.fork_rng():
        torch.manual_seed(0)  # libraries initialise from the global generator
        return CASES[name](Path(folder), size, widths)


def autoencoder(size: int, widths: tuple[int, ...]) -> Any:
    """The architecture of `sd_vae` in diffusers, randomly initialised on torch's default device."""
    make_importable()
    from diffusers import AutoencoderKL

    levels = len(widths)
    build: Any = AutoencoderKL
    return build(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=widths,
        layers_per_block=2,
        latent_channels=4,
        sample_size=size,
    )


def _sd_vae(folder: Path, size: int, widths: tuple[int, ...]) -> Case:
    plain = autoencoder(size, widths).eval()
    plain.save_pretrained(folder)
    frames = torch.zeros(1, 3, size, size, dtype=torch.uint8)
    encoder = sd_vae.fit(frames, sd_vae.Options(weights=_weights(folder)), seed=0)
    return Case("diffusers", plain, _posterior, encoder)


def _posterior(vae: Any, frames: Tensor) -> Tensor:
    posterior = vae.encode(frames.float() / 127.5 - 1).latent_dist
    return torch.stack([posterior.mean, posterior.std], 1)


def _web_dino(folder: Path, size: int, widths: tuple[int, ...]) -> Case:
    make_importable()
    try:
        import transformers
    except ImportError:
        raise ParamsError(
            "--encoder = 'web_dino' is timed against transformers, which is not installed: "
            "`pip install -e '.[transformers]'`"
        ) from None
    width, depth, heads = widths
    config = transformers.Dinov2Config(
        hidden_size=width,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        image_size=size,
        patch_size=14,
        use_swiglu_ffn=True,
    )
    plain = transformers.Dinov2Model(config).eval()
    plain.save_pretrained(folder)
    # Nothing is decoded: the smallest decoder, fitted for one step.
    decoder = {"channels": [1], "steps": 1, "batch": 1, "learning_rate": 1e-3}
    values = {"size": size, "pool": 1, "channels": None, "decoder": decoder}
    options = web_dino.Options.model_validate({"weights": _weights(folder), **values})
    frames = torch.zeros(1, 3, size, size, dtype=torch.uint8)
    return Case("transformers", plain, _features, web_dino.fit(frames, options, seed=0))


def _weights(folder: Path) -> Weights:
    return Weights(source=str(folder), file=None, revision=None, sha256=None)


def _features(model: Any, frames: Tensor) -> Tensor:
    from transformers.utils.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

    mean, std = (
        torch.tensor(values, device=frames.device)[:, None, None]
        for values in (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)
    )
    tokens = model((frames.float() / 255 - mean) / std).last_hidden_state[:, 1:]
    side = frames.shape[-1] // model.config.patch_size
    return tokens.transpose(1, 2).unflatten(2, (side, side))


CASES: dict[str, Callable[[Path, int, tuple[int, ...]], Case]] = {
    "sd_vae": _sd_vae,
    "web_dino": _web_dino,
}
