"""Reading the reference's checkpoints: safetensors, or Lightning's .ckpt without its code."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from pipeline.errors import DataError
from pipeline.weights import torch_load as torch_file

COMPILED = "_orig_mod."
MODEL = "model."


def read(path: Path) -> dict[str, Tensor]:
    """The network's tensors by the network's own names, in float32.

    A Lightning checkpoint also holds the autoencoder: where names begin with `model.`, only those
    are the network's. Names lose what torch.compile has put into them.

    Raises:
        DataError: no such file, damaged, or it would have to execute code to be read.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; name a .safetensors or a .ckpt")
    state = {name.replace(COMPILED, ""): value for name, value in _tensors(path).items()}
    if any(name.startswith(MODEL) for name in state):
        state = {n.removeprefix(MODEL): v for n, v in state.items() if n.startswith(MODEL)}
    return {name: value.float() for name, value in state.items()}


def _tensors(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise DataError(f"{path}: damaged ({reason}); copy it anew") from None
    loaded = torch_file.held(
        path,
        anew="copy it anew",
        trusted="save its state_dict as safetensors, and import that",
    )
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else None
    if not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise DataError(f"{path}: holds no state_dict of tensors")
    return dict(state)
