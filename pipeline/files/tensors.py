"""Tensors in safetensors files, which hold no more than their bytes; nothing is unpickled."""

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from pipeline.errors import DataError
from pipeline.files.content import parsing


def read_tensors(path: Path, way_out: str) -> dict[str, Tensor]:
    """All tensors of a file by name, on the CPU.

    Raises:
        DataError: it is missing or damaged, and `way_out` says what to do.
    """
    _require(path, way_out)
    with parsing(path, way_out):
        return load_file(path)


def read_shapes(path: Path, way_out: str) -> dict[str, Tensor]:
    """Tensors of the shapes of those in a file, without values: they take no memory.

    Raises:
        DataError: it is missing or damaged, and `way_out` says what to do.
    """
    _require(path, way_out)
    with parsing(path, way_out), safe_open(path, "pt") as file:
        return {
            name: torch.empty(file.get_slice(name).get_shape(), device="meta")
            for name in file.keys()  # noqa: SIM118
        }


def _require(path: Path, way_out: str) -> None:
    if not path.is_file():
        raise DataError(f"{path}: no such file; {way_out}")
