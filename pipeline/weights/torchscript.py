"""Tensors of a TorchScript archive, read without running anything of it.

An archive is a zip: data.pkl has the modules with their attributes, data/ the bytes of tensors, and
code/ what torch.jit.load would run. Here data.pkl builds inert objects and tensors, and code/ is
never opened but as text. Files of torch.save that hold tensors alone are read likewise.
"""

import math
import pickle
import re
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import torch
from torch import Tensor

from pipeline.errors import DataError
from pipeline.files.content import parsing

LARGEST, LARGEST_PICKLE = 2**31, 2**24
"""Bytes of all tensors together, and of data.pkl."""
DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
NUMBER = r"([0-9.]+(?:e-?\d+)?)"
EPS = re.compile(
    rf"\beps\s*:\s*Final\[float\]\s*=\s*{NUMBER}"
    rf"|\btorch\.batch_norm\([^()]*,\s*{NUMBER},\s*(?:True|False)\s*\)"
)
"""Of scripted, and of traced modules."""


class Inert:
    """Takes the place of every class of the archive: it keeps attributes, and does nothing."""

    attributes: object = None

    def __setstate__(self, state: object) -> None:
        """Keep what the archive gives."""
        self.attributes = state


def read_torchscript(path: Path, way_out: str) -> dict[str, Tensor]:
    """All tensors of an archive by name, such as layer.conv.weight, in the order of definition.

    Raises:
        DataError: it is missing or damaged, or names a function that no archive of tensors needs.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; {way_out}")
    with parsing(path, way_out, "no TorchScript archive"), ZipFile(path) as archive:
        if (size := sum(member.file_size for member in archive.infolist())) > LARGEST:
            raise ValueError(f"{size:,} bytes, where at most {LARGEST:,} are expected")
        place = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
        if archive.getinfo(place).file_size > LARGEST_PICKLE:
            raise ValueError("its data.pkl is too large")
        with archive.open(place) as file:
            content = _Reader(file, archive, place.removesuffix("data.pkl")).load()
        return dict(_tensors(content))


def stated_eps(path: Path) -> float | None:
    """The eps of batch normalisation as the code of an archive states it; None if it does not.

    Raises:
        DataError: the archive states several, or is damaged.
    """
    with parsing(path, "download it again"), ZipFile(path) as archive:
        texts = [
            archive.read(member).decode()
            for member in archive.infolist()
            if "/code/" in member.filename
            and member.filename.endswith(".py")
            and member.file_size <= LARGEST_PICKLE
        ]
        found = {float(a or b) for text in texts for a, b in EPS.findall(text)}
        if len(found) > 1:
            raise ValueError(f"several eps: {sorted(found)}")
    return next(iter(found), None)


class _Reader(pickle._Unpickler):  # the one in Python has a dict as memo, which no file can inflate
    def __init__(self, file: Any, archive: ZipFile, root: str) -> None:
        super().__init__(file)
        self._archive, self._root = archive, root
        self._storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("__torch__"):
            return Inert
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        if (module, name) in SAFE:
            return SAFE[module, name]
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, pid: Any) -> Tensor:
        _, dtype, key, _, count = pid
        if key not in self._storages:
            content = bytearray(self._archive.read(f"{self._root}data/{key}"))
            values = torch.frombuffer(content, dtype=dtype) if content else torch.empty(0)
            if len(values) != count:
                raise ValueError(f"data/{key} holds {len(values)} numbers, not {count}")
            self._storages[key] = values
        return self._storages[key]


def _rebuilt(storage: Tensor, offset: int, size: Any, stride: Any, *_: object) -> Tensor:
    if math.prod(size) > len(storage):
        raise ValueError(f"a tensor of {list(size)} of {len(storage)} numbers")
    return storage.as_strided(tuple(size), tuple(stride), offset).clone()


def _first(value: object, *_: object) -> object:
    return value


SAFE: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuilt,
    ("torch._utils", "_rebuild_parameter"): _first,
    **{
        ("torch.jit._pickle", name): _first
        for name in ("build_intlist", "build_doublelist", "build_boollist", "restore_type_tag")
    },
}
"""What takes the place of the functions that data.pkl may call."""


def _tensors(value: object, place: str = "") -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield place, value
    inner = value.attributes if isinstance(value, Inert) else value
    if isinstance(inner, dict):
        for name, item in inner.items():
            yield from _tensors(item, f"{place}.{name}" if place else str(name))
