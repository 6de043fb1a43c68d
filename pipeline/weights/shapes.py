"""A network is built only if the file of its weights has them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from pipeline.errors import DataError
from pipeline.files.content import parsing
from pipeline.files.tensors import read_shapes
from pipeline.weights.state_dict import differences


class _Uninitialised(TorchFunctionMode):
    """Lets the functions of torch.nn.init leave a tensor as it is.

    On torch's meta device there is nothing to fill, but `normal_` imports torch.compile's front end
    there, which takes 1.5 CPU-seconds.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if getattr(func, "__module__", None) == nn.init.__name__:
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


@contextmanager
def shapes_alone() -> Iterator[None]:
    """Around what builds a network for the shapes of its weights: no memory, no random draws."""
    with torch.random.fork_rng(devices=[]), torch.device("meta"), _Uninitialised():
        yield


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
    with parsing(path, way_out), shapes_alone():
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
    with parsing(path, way_out), shapes_alone():
        own = make().state_dict()
    described, stored = (
        sum(tensor.numel() for tensor in state.values())
        for state in (own, read_shapes(path, way_out))
    )
    if described > 2 * stored:
        raise DataError(
            f"{path}: holds {stored:,} weights, but its config describes {described:,}; {way_out}"
        )
