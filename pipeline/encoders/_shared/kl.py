"""A KL autoencoder, which maps a frame to a Gaussian posterior, and its files as of diffusers."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

import torch
from pydantic import ConfigDict, Field
from safetensors.torch import save_file
from torch import Tensor

from pipeline.compute.device import device_of
from pipeline.encoders import Posterior
from pipeline.encoders._shared import diffusers_kl
from pipeline.encoders._shared.autoencoder_kl import Architecture, AutoencoderKl
from pipeline.encoders._shared.diffusers_kl import CONFIG, WEIGHTS, DiffusersKl
from pipeline.encoders._shared.pixels import PixelDecoder, to_float
from pipeline.errors import DataError
from pipeline.files.json_model import FileModel, read_json
from pipeline.files.tensors import read_tensors
from pipeline.weights.load import load_weights
from pipeline.weights.shapes import require_size

Widths = Annotated[list[Annotated[int, Field(gt=0, le=2**14)]], Field(min_length=1, max_length=8)]
OLDER_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""Of the layers of an attention, in weights that were published before diffusers renamed them."""


class Config(FileModel):
    """Fields of config.json that decide how large the network is, and its scale."""

    block_out_channels: Widths
    layers_per_block: int = Field(1, ge=0, le=100)
    latent_channels: int = Field(4, gt=0, le=2**14)
    scaling_factor: float = Field(0.18215, gt=0)


class OwnConfig(Config):
    """config.json of a network that `AutoencoderKl` is; diffusers has further ones."""

    model_config = ConfigDict(populate_by_name=True)

    class_name: Literal["AutoencoderKL"] = Field("AutoencoderKL", alias="_class_name")
    act_fn: Literal["silu"] = "silu"
    down_block_types: list[Literal["DownEncoderBlock2D"]]
    up_block_types: list[Literal["UpDecoderBlock2D"]]
    in_channels: Literal[3] = 3
    out_channels: Literal[3] = 3
    norm_num_groups: int = Field(32, gt=0)
    mid_block_add_attention: Literal[True] = True
    use_quant_conv: Literal[True] = True
    use_post_quant_conv: Literal[True] = True

    @property
    def architecture(self) -> Architecture:
        """The sizes of the network."""
        channels = tuple(self.block_out_channels)
        return Architecture(
            channels, self.layers_per_block, self.latent_channels, self.norm_num_groups
        )


Vae = AutoencoderKl | DiffusersKl


def load_vae(folder: Path, way_out: str) -> tuple[Vae, Config]:
    """The autoencoder in a folder of diffusers' files, and its config.

    Diffusers itself is imported only for a network that `AutoencoderKl` is not. Weights under
    diffusers' older names are read too.

    Raises:
        DataError: a file is missing or damaged, or the weights do not fit the config; `way_out`
            says what to do.
        OSError, ValueError, RuntimeError: diffusers cannot read it.
    """
    config = read_json(folder / CONFIG, Config, way_out)
    try:
        architecture = read_json(folder / CONFIG, OwnConfig, way_out).architecture
    except DataError:
        return diffusers_kl.load(folder, len(config.block_out_channels), way_out), config
    path = folder / WEIGHTS
    require_size(lambda: AutoencoderKl(architecture), path, way_out)
    state = {_renamed(name): value for name, value in read_tensors(path, way_out).items()}
    with torch.random.fork_rng(devices=[]):
        vae = AutoencoderKl(architecture)
    try:
        load_weights(vae, state, path)
    except DataError as error:
        raise DataError(f"{error}; {way_out}") from None
    return vae, config


def _renamed(name: str) -> str:
    """Today's name of a weight."""
    if ".attentions." not in name:
        return name
    *place, layer, kind = name.split(".")
    return ".".join([*place, OLDER_NAMES.get(layer, layer), kind])


def save_vae(vae: AutoencoderKl, folder: Path) -> None:
    """Write config.json and the weights, as diffusers reads them too."""
    sizes = vae.architecture
    config = OwnConfig(
        block_out_channels=list(sizes.channels),
        layers_per_block=sizes.layers,
        latent_channels=sizes.latent_channels,
        norm_num_groups=sizes.groups,
        down_block_types=["DownEncoderBlock2D"] * len(sizes.channels),
        up_block_types=["UpDecoderBlock2D"] * len(sizes.channels),
    )
    (folder / CONFIG).write_text(f"{config.model_dump_json(by_alias=True, indent=2)}\n")
    state = {name: value.contiguous() for name, value in vae.state_dict().items()}
    save_file(state, folder / WEIGHTS, {"format": "pt"})


class KlAutoencoder(PixelDecoder):
    """An encoder by a KL autoencoder; subclasses add `save`."""

    stochastic = True
    published_scale: float | None = None
    decoder_kind = "own"

    def __init__(self, vae: Vae) -> None:
        """Take an autoencoder for inference, in the faster channels-last format."""
        network = cast(Any, vae.eval().requires_grad_(False))  # stubs know no memory formats
        self.vae = network.to(memory_format=torch.channels_last)

    def to(self, device: torch.device) -> Self:
        """Move to a device."""
        self.vae.to(device)
        return self

    @torch.inference_mode()
    def encode(self, frames: Tensor) -> Posterior:
        """Frames uint8 [B, 3, H, W] to the posterior, mean and std [B, C, h, w]."""
        posterior = self.vae.encode(to_float(frames.to(device_of(self.vae))))
        return Posterior(posterior.mean, posterior.std)

    def pixels(self, latents: Tensor) -> Tensor:
        """Latents [B, C, h, w] to pixels [B, 3, H, W] around -1..1."""
        return self.vae.decode(latents.to(device_of(self.vae)))
