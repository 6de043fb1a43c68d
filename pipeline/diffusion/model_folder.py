"""The folder of a model, of frames or of states: config.json, model.safetensors, and a card."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from safetensors.torch import save_file
from torch import nn

from pipeline.diffusion.config import refuse_skipped
from pipeline.errors import DataError, ParamsError
from pipeline.files.content import parsing
from pipeline.files.tensors import read_shapes, read_tensors
from pipeline.weights import hub
from pipeline.weights.load import load_weights
from pipeline.weights.shapes import require_shapes
from pipeline.weights.state_dict import unwrapped

ModelT = TypeVar("ModelT")
CONFIG, WEIGHTS, MODEL_CARD = "config.json", "model.safetensors", "README.md"
LOCAL = (
    "`dvc checkout` restores what a stage has made, `dvc repro -f STAGE` makes it anew; get any "
    "other again from where it comes"
)
"""Way out of a folder that misses a file or has a damaged one."""


def write(folder: str | Path, config: str, card: str, network: nn.Module) -> None:
    """Write the three files; the network may be compiled or wrapped, as a whole or in parts."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    state = {n: value.cpu().contiguous() for n, value in unwrapped(network).items()}
    save_file(state, folder / WEIGHTS)
    (folder / CONFIG).write_text(config)
    (folder / MODEL_CARD).write_text(card)


def find(name: str | Path, revision: str | None) -> tuple[Path, str]:
    """The folder of a model, here or from the hub, and the way out of a damaged one.

    Raises:
        DataError: there is none, or its stage was skipped.
    """
    folder = hub.folder(name, revision, (CONFIG, WEIGHTS))
    refuse_skipped(folder)
    return folder, LOCAL if folder == Path(name) else f"name another revision of {name}"


def read(
    folder: Path,
    remedy: str,
    build: Callable[[], nn.Module],
    make: Callable[[], ModelT],
    network_of: Callable[[ModelT], nn.Module],
) -> ModelT:
    """A model for inference with the weights of its folder, which take no memory before they fit.

    Args:
        folder: of the model.
        remedy: the way out of a damaged one.
        build: its network, for shapes alone.
        make: the model, with a network of any weights.
        network_of: the network of a model.

    Raises:
        DataError: the weights are missing or damaged, or do not fit the config.
    """
    path = folder / WEIGHTS
    try:
        require_shapes(build, read_shapes(path, remedy), path, remedy)
        with parsing(folder / CONFIG, remedy):
            model = make()
    except ParamsError as error:
        raise DataError(f"{folder / CONFIG}: {error}; {remedy}") from None
    network = network_of(model)
    load_weights(network, read_tensors(path, remedy), path)
    network.eval().requires_grad_(False)
    return model
