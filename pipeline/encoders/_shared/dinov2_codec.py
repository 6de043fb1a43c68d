"""Loads DINOv2 from files of the Hugging Face hub, for `web_dino` and `dinov2`."""

from pathlib import Path

import torch

from pipeline.encoders._shared.dinov2 import Config, Dinov2
from pipeline.encoders._shared.patch_codec import CONFIG, TENSORS
from pipeline.errors import DataError
from pipeline.files.json_model import read_json
from pipeline.files.tensors import read_tensors
from pipeline.weights.state_dict import differences


def read(folder: Path) -> Dinov2:
    """The network of a folder with config.json and model.safetensors, in float32 for inference.

    Raises:
        DataError: a file is damaged or of another network, or the two do not match.
    """
    with torch.device("meta"):
        network = Dinov2(config(folder / CONFIG))
    path = folder / TENSORS
    state = read_tensors(path, "download it again")
    if wrong := differences(network.state_dict(), state, "unexpected"):
        raise DataError(
            f"{path}: does not match {CONFIG}: {'; '.join(wrong)}; download both files of one "
            "Dinov2 model"
        )
    network.load_state_dict({name: value.float() for name, value in state.items()}, assign=True)
    return network.eval().requires_grad_(False)


def config(path: Path) -> Config:
    """The config.json of a DINOv2 network.

    Raises:
        DataError: it is damaged, or of another network.
    """
    return read_json(path, Config, "name the folder of a Dinov2 model instead")
