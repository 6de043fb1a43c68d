"""DINOv2's features as latents; what `web_dino` and `dinov2` share."""

from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from pipeline.encoders import _patch_codec
from pipeline.encoders._dinov2 import Config, Dinov2
from pipeline.encoders._patch_codec import CONFIG, TENSORS, Options
from pipeline.encoders._semantic import Semantic
from pipeline.errors import DataError
from pipeline.weights import differences


def fit(frames: Tensor, options: Options, seed: int, place: str) -> Semantic:
    """See `pipeline.encoders._patch_codec.fit`."""
    return _patch_codec.fit(frames, options, seed, place, read)


def load(folder: Path, options: Options) -> Semantic:
    """See `pipeline.encoders._patch_codec.load`."""
    return _patch_codec.load(folder, options, read)


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
    if wrong := differences(network.state_dict(), state, "unexpected"):
        raise DataError(
            f"{path}: not as {CONFIG} has it: {'; '.join(wrong)}; download both files of one "
            "Dinov2 model"
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
