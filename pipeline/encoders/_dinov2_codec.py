"""DINOv2's features as latents; what `web_dino` and `dinov2` share."""

from pathlib import Path
from typing import Self

import torch
from einops import rearrange
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from pipeline.device import device_of
from pipeline.encoders._decoder import DecoderOptions
from pipeline.encoders._dinov2 import Config, Dinov2
from pipeline.encoders._imagenet import normalised
from pipeline.encoders._pretrained import Located, Weights, locate, recall, remember
from pipeline.encoders._semantic import Semantic, fit_semantic, load_semantic
from pipeline.errors import DataError, ParamsError
from pipeline.params import Params

CONFIG, TENSORS = "config.json", "model.safetensors"


class Options(Params):
    """Which network sees the frames, at which size, and how its features are drawn."""

    weights: Weights = Field(description=f"of a Dinov2 model: {CONFIG} and {TENSORS} in a folder")
    size: int = Field(gt=0, description="side in pixels of what is seen: a multiple of the patch")
    decoder: DecoderOptions


def fit(frames: Tensor, options: Options, seed: int, place: str) -> Semantic:
    """Fit the decoder to training frames uint8 [N, 3, H, W]; the network stays as published.

    Raises:
        DataError: the weights are not to be had, or are of another network.
        ParamsError: the size, below `place` in params.yaml, is no multiple of the patch size.
    """
    located = locate(options.weights, f"{place}.weights", (CONFIG, TENSORS))
    network = read(located.path)
    if options.size % network.patch:
        raise ParamsError(
            f"{place}.size = {options.size} is no multiple of the patch size {network.patch} in "
            f"{located.path / CONFIG}; take {network.patch * max(options.size // network.patch, 1)}"
        )
    backbone = Backbone(network, options.size, located)
    return fit_semantic(backbone, frames, options.decoder, seed)


def load(folder: Path, options: Options) -> Semantic:
    """Read what `save` wrote, and the weights that it points to.

    Raises:
        DataError: the weights are gone or changed.
    """
    located = recall(folder)
    return load_semantic(Backbone(read(located.path), options.size, located), folder)


class Backbone:
    """See `pipeline.encoders._semantic.Backbone`; features are [width, size / patch, same]."""

    def __init__(self, network: Dinov2, size: int, located: Located) -> None:
        """Look at frames of size x size through weights that were found on this machine."""
        self.network, self.size, self.located = network, size, located

    def to(self, device: torch.device) -> Self:
        """Move to a device."""
        self.network.to(device)
        return self

    @torch.no_grad()
    def encode(self, frames: Tensor) -> Tensor:
        """Frames uint8 [B, 3, H, W] to the normed tokens of their patches [B, C, h, w]."""
        patches = self.network(normalised(frames.to(device_of(self.network)), self.size))[:, 1:]
        rows = self.size // self.network.patch
        return rearrange(patches, "b (h w) c -> b c h w", h=rows).contiguous()

    def save(self, folder: Path) -> None:
        """Write down which weights these are."""
        remember(folder, self.located)


def read(folder: Path) -> Dinov2:
    """The network of a folder with config.json and model.safetensors, in float32 for inference.

    Raises:
        DataError: a file is damaged or of another network, or the two do not belong together.
    """
    with torch.device("meta"):
        network = Dinov2(_config(folder / CONFIG))
    path = folder / TENSORS
    try:
        state = load_file(path)
    except SafetensorError as error:
        raise DataError(f"{path}: damaged ({error}); download it again") from None
    wanted = {name: list(value.shape) for name, value in network.state_dict().items()}
    found = {name: list(value.shape) for name, value in state.items()}
    wrong = [name for name in sorted({*wanted, *found}) if wanted.get(name) != found.get(name)]
    if wrong:
        first = wrong[0]
        raise DataError(
            f"{path}: {len(wrong)} of {len(wanted)} tensors are not as {CONFIG} has them: {first} "
            f"is {found.get(first, 'missing')}, not {wanted.get(first, 'expected at all')}; "
            "download both files of one Dinov2 model"
        )
    network.load_state_dict({name: value.float() for name, value in state.items()}, assign=True)
    return network.eval().requires_grad_(False)


def _config(path: Path) -> Config:
    try:
        return Config.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        said = first["msg"].removeprefix("Value error, ")
        if first["loc"]:
            key = ".".join(map(str, first["loc"]))
            value = "" if first["type"] == "missing" else f" = {first['input']!r}"
            said = f"{key}{value}: {said}"
        raise DataError(f"{path}: {said}; name the folder of a Dinov2 model instead") from None
