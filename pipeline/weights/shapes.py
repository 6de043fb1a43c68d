"""A network is built only if the file of its weights has them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from pipeline.errors import DataError
from pipeline.files.content import parsing
from pipeline.files.tensors import read_shapes
from pipeline.weights.state_dict import differences


def require_shapes(
    make: Callable[[], nn.Module], shapes: Mapping[str, Tensor], path: Path, way_out: str
) -> None:
    """Hold the shapes of a network against those in a file, before either takes memory.

    Args:
        make: builds the network; it is called for shapes alone, without memory for its weights.
        shapes: the file's tensors, or `read_shapes` of it.
        path: the file, for errors.
        way_out: what to do if they do not fit.

    Raises:
        DataError: keys are missing or unknown, or shapes differ.
    """
    with parsing(path, way_out), torch.random.fork_rng(devices=[]), torch.device("meta"):
        own = make().state_dict()
    if wrong := differences(own, shapes):
        raise DataError(
            f"{path}: does not fit the network that its config describes: {wrong[0]}; {way_out}"
        )


def require_size(make: Callable[[], nn.Module], path: Path, way_out: str) -> None:
    """Refuse a network of far more weights than a file has; names and shapes are left to others.

    Raises:
        DataError: it has, or the safetensors file at `path` is missing or damaged.
    """
    with parsing(path, way_out), torch.random.fork_rng(devices=[]), torch.device("meta"):
        own = make().state_dict()
    described, stored = (
        sum(tensor.numel() for tensor in state.values())
        for state in (own, read_shapes(path, way_out))
    )
    if described > 2 * stored:
        raise DataError(
            f"{path}: holds {stored:,} weights, but its config describes {described:,}; {way_out}"
        )
