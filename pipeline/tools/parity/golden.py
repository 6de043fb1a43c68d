"""Read golden files, keep track of what was read, and compare our outputs with theirs."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from pydantic import RootModel
from torch import Tensor, nn

from pipeline.errors import DataError
from pipeline.files.content import parsing
from pipeline.files.json_model import read_json
from pipeline.files.npy import read_npz
from pipeline.files.tensors import read_tensors

COPY = "copy it again"
SUFFIXES = (".npz", ".json", ".safetensors")
FOREIGN = (".npy", ".pt", ".pth", ".ckpt", ".bin", ".h5")
"""Suffixes of files that may hold arrays, but are not read."""


class Values(RootModel[dict[str, Any]]):
    """Values by name."""


@dataclass(frozen=True, slots=True)
class Check:
    """Result of comparing one array.

    Attributes:
        name: of the array in its file.
        error: largest error, or number of differing entries; see `compare`, `close`, `exact`.
        tolerance: largest error that passes.
        understood: whether anything was compared.
    """

    name: str
    error: float
    tolerance: float
    understood: bool = True

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance; NaN is not."""
        return self.understood and self.error <= self.tolerance

    @property
    def verdict(self) -> str:
        """The result in words."""
        if not self.understood:
            return "not understood"
        return "agrees" if self.passed else "DISAGREES"


def not_understood(name: str) -> Check:
    """The check of an array whose meaning is unknown; it fails."""
    return Check(name, math.nan, 0.0, understood=False)


def same_shapes(name: str, model: nn.Module, theirs: Mapping[str, list[int]]) -> Check:
    """Count the tensors of a network that are missing, unexpected or of another shape."""
    ours = {key: list(value.shape) for key, value in model.state_dict().items()}
    differing = [key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)]
    return Check(name, len(differing), 0)


def compare(name: str, ours: Tensor, theirs: Tensor, tolerance: float) -> Check:
    """Largest difference relative to the largest value of `theirs`; infinite if shapes differ."""
    if ours.shape != theirs.shape:
        return Check(name, math.inf, tolerance)
    if not theirs.numel():
        return not_understood(name)
    ours, theirs = ours.detach().cpu().double(), theirs.double()
    error, scale = float((ours - theirs).abs().max()), float(theirs.abs().max())
    if error == 0:
        return Check(name, 0.0, tolerance)
    return Check(name, error / scale if scale else math.inf, tolerance)


def close(name: str, ours: Tensor, theirs: Tensor, tolerance: float) -> Check:
    """Largest absolute difference; infinite if shapes differ."""
    if ours.shape != theirs.shape:
        return Check(name, math.inf, tolerance)
    if not theirs.numel():
        return not_understood(name)
    difference = ours.detach().cpu().double() - theirs.double()
    return Check(name, float(difference.abs().max()), tolerance)


def exact(name: str, ours: Tensor, theirs: Tensor) -> Check:
    """Number of entries that differ, with a tolerance of 0; infinite if shapes differ."""
    if ours.shape != theirs.shape:
        return Check(name, math.inf, 0.0)
    return Check(name, float((ours.cpu() != theirs).sum()), 0.0)


@dataclass(frozen=True, slots=True)
class Arrays:
    """The arrays of one file by name; `read` collects the names that were accessed."""

    path: Path
    values: Mapping[str, NDArray[Any]]
    read: set[str] = field(default_factory=set)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __call__(self, name: str) -> Tensor:
        """A numeric array as a tensor."""
        array = self._take(name)
        if array.dtype.kind not in "biuf":
            raise DataError(f"{self.path}: {name} is of type {array.dtype}, not a number")
        return torch.from_numpy(array)

    def text(self, name: str) -> str:
        """A text array of one entry."""
        return str(self._take(name))

    def texts(self, name: str) -> list[str]:
        """A text array of several entries [N]."""
        return [str(entry) for entry in self._take(name)]

    def inputs(self, *names: str) -> None:
        """Mark those of `names` that exist as read: inputs, which a check may or may not need."""
        self.read.update(name for name in names if name in self)

    def _take(self, name: str) -> NDArray[Any]:
        if name not in self.values:
            raise DataError(f"{self.path}: holds no array {name}, which others of its arrays need")
        self.read.add(name)
        return self.values[name]


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of golden files; `read` collects the files that were accessed.

    Each reader raises a DataError if the file is missing or damaged.
    """

    path: Path
    read: set[Path] = field(default_factory=set)

    def files(self) -> list[Path]:
        """The files that hold arrays, sorted by name."""
        return sorted(file for file in self.path.iterdir() if file.suffix in (*SUFFIXES, *FOREIGN))

    def arrays(self, stem: str) -> Arrays:
        """The arrays of STEM.npz."""
        path = self.file(f"{stem}.npz")
        return Arrays(path, read_npz(path, COPY))

    def tensors(self, stem: str) -> Arrays:
        """The arrays of STEM.safetensors, in their stored dtypes."""
        path = self.file(f"{stem}.safetensors")
        tensors = read_tensors(path, COPY)
        with parsing(path, COPY):
            return Arrays(path, {name: value.numpy() for name, value in tensors.items()})

    def weights(self, stem: str) -> dict[str, Tensor]:
        """The tensors of STEM.safetensors, in float32."""
        loaded = read_tensors(self.file(f"{stem}.safetensors"), COPY)
        return {name: value.float() for name, value in loaded.items()}

    def json(self, stem: str) -> dict[str, Any]:
        """The values of STEM.json, by name."""
        path = self.file(f"{stem}.json")
        return read_json(path, Values, COPY, "not values by name").root

    def file(self, name: str) -> Path:
        """The path of a file, marked as read."""
        path = self.path / name
        if not path.is_file():
            raise DataError(f"{path}: no such file, but other golden files need it; add it")
        self.read.add(path)
        return path
