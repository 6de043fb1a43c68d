"""Read the reference's checkpoints: safetensors, or Lightning's .ckpt, nothing unpickled."""

from pathlib import Path

from torch import Tensor

from pipeline.errors import DataError
from pipeline.files.tensors import read_tensors
from pipeline.train.checkpoint import with_prefix
from pipeline.weights import torch_load
from pipeline.weights.contents import described

COMPILED = "_orig_mod."
"""Put into the names of parameters by torch.compile."""
MODEL = "model."
"""Prefix of the network in a Lightning checkpoint, beside its autoencoder."""


def read(path: Path) -> dict[str, Tensor]:
    """The network's state dict in float32, without the prefixes of Lightning and torch.compile.

    Raises:
        DataError: no such file, it is damaged, or loading it would execute code.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; name a .safetensors or a .ckpt")
    state = {name.replace(COMPILED, ""): value for name, value in _tensors(path).items()}
    if any(name.startswith(MODEL) for name in state):
        state = with_prefix(MODEL, state)
    return {name: value.float() for name, value in state.items()}


def _tensors(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        return read_tensors(path, "download it again")
    loaded = torch_load.load(
        path,
        if_damaged="download it again",
        if_unsafe="convert its state_dict to safetensors and import that",
    )
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else None
    if not isinstance(state, dict) or not state or not all(map(_is_weight, state.items())):
        raise DataError(
            f"{path}: holds {described(loaded)}, no state_dict of tensors; name a checkpoint of "
            "the reference"
        )
    return dict(state)


def _is_weight(item: tuple[object, object]) -> bool:
    name, value = item
    return isinstance(name, str) and isinstance(value, Tensor)
