"""HDF5 files: arrays that lie in the file itself, and take no more memory than it warrants."""

import importlib.util
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from pipeline.errors import DataError, did_you_mean
from pipeline.files.content import parsing
from pipeline.files.npy import DEFLATED

if TYPE_CHECKING:
    import h5py
    import numpy as np

LARGEST = 2**32
"""Bytes that are read of one array at once."""
LARGEST_CHUNK = 2**30
"""Bytes of a chunk, which is unpacked whole whatever is read of it."""
LISTED = 10_000
"""Arrays that `arrays` lists at most, and groups that it looks into."""
CHOICES = 12
"""Names that an error lists at most."""


@dataclass(frozen=True, slots=True)
class Array:
    """An array of an open file.

    Attributes:
        name: its path in the file.
        shape: its axes.
        dtype: of its values.
    """

    name: str
    shape: tuple[int, ...]
    dtype: "np.dtype[Any]"
    data: "h5py.Dataset"
    way_out: str

    def rows(self, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """The rows start..stop of the first axis; all of them by default.

        Raises:
            DataError: they are damaged, or more than LARGEST bytes.
        """
        place = f"{self.data.file.filename}: {self.name}"
        count = (self.shape[0] if stop is None else min(stop, self.shape[0])) - start
        if (size := count * math.prod(self.shape[1:]) * self.dtype.itemsize) > LARGEST:
            raise DataError(
                f"{place}: {count:,} rows are {size:,} bytes, where at most {LARGEST:,} are read "
                "at once; split them into several episodes"
            )
        with parsing(place, self.way_out):
            return self.data[start : start + count]


class Hdf5:
    """An open file; `open_hdf5` opens one."""

    def __init__(self, file: "h5py.File", path: Path, way_out: str) -> None:
        """The open file, its path, and what to do if it is damaged."""
        self.file, self.path, self.way_out = file, path, way_out

    def names(self, group: str = ".") -> list[str]:
        """Names in a group, as the file orders them; empty where there is no such group."""
        import h5py

        held = self._held(group)
        with parsing(self.path, self.way_out):
            return [str(name) for name in held] if isinstance(held, h5py.Group) else []

    def is_group(self, name: str) -> bool:
        """Whether there is a group of that name in the file itself."""
        import h5py

        try:
            return isinstance(self._held(name), h5py.Group)
        except DataError:  # a link, or damaged
            return False

    def arrays(self, group: str = ".") -> list[Array]:
        """The readable arrays below a group, by their paths in it; the first LISTED of them."""
        found: list[Array] = []
        for name in self._below(group):
            try:
                found.append(self.array(name))
            except DataError:  # of a type that numpy lacks, or stored elsewhere
                continue
            if len(found) == LISTED:
                break
        return found

    def array(self, name: str) -> Array:
        """The array of that name.

        Raises:
            DataError: there is none, it lies elsewhere, or it claims more than the file can hold.
        """
        import h5py

        data = self._held(name)
        if not isinstance(data, h5py.Dataset):
            raise self._lacking(name, isinstance(data, h5py.Group))
        place = f"{self.path}: {name}"
        with parsing(place, "store it as an array of numbers", "is of a type that numpy lacks"):
            dtype, shape = data.dtype, data.shape
        if not shape:
            raise DataError(f"{place}: has no rows; store one for each step")
        with parsing(place, self.way_out):
            elsewhere = data.is_virtual or data.external is not None
            size, stored = data.size * dtype.itemsize, data.id.get_storage_size()
            chunk = math.prod(data.chunks or ()) * dtype.itemsize
            codec = _missing_codec(data)
        if elsewhere:
            raise DataError(f"{place}: its values lie in other files; copy them into this one")
        if size > DEFLATED * stored or chunk > LARGEST_CHUNK:
            raise DataError(
                f"{place}: claims {size:,} bytes in chunks of {chunk:,}, but the file holds "
                f"{stored:,} of them; {self.way_out}"
            )
        if codec is not None:
            raise DataError(
                f"{place}: is compressed by {codec}, which HDF5 comes without; "
                "pip install hdf5plugin"
            )
        return Array(name, shape, dtype, data, self.way_out)

    def attribute(self, group: str, name: str) -> Any:
        """An attribute of a group, None where it has none of that name."""
        held = self._held(group)
        with parsing(f"{self.path}: {group}", self.way_out):
            return None if held is None or name not in held.attrs else held.attrs[name]

    def _held(self, name: str) -> "h5py.Group | h5py.Dataset | None":
        """The group or array of that name; None if there is none, or it lies in another file."""
        import h5py

        held: Any = self.file
        with parsing(f"{self.path}: {name}", self.way_out):
            for part in name.split("/"):
                if part in ("", "."):
                    continue
                link = held.get(part, getlink=True) if isinstance(held, h5py.Group) else None
                if link is None:
                    return None
                if not isinstance(link, h5py.HardLink):
                    raise DataError(
                        f"{self.path}: {part} in {name} is a link; put the array itself there"
                    )
                held = held[part]
        return held

    def _below(self, group: str) -> Iterator[str]:
        """Paths of the arrays in a group and below; no group is entered twice."""
        import h5py

        pending, entered = [group], set[int]()
        while pending and len(entered) < LISTED:
            parent = pending.pop(0)
            for child in self.names(parent):
                name = child if parent == "." else f"{parent}/{child}"
                try:
                    held = self._held(name)
                except DataError:  # a link, or damaged
                    continue
                if isinstance(held, h5py.Dataset):
                    yield name
                elif isinstance(held, h5py.Group):
                    address = h5py.h5o.get_info(held.id).addr
                    if address not in entered:
                        entered.add(address)
                        pending.append(name)

    def _lacking(self, name: str, is_group: bool) -> DataError:
        if is_group:
            inner = [array.name for array in self.arrays(name)[:CHOICES]]
            choices = f"choose one of its arrays: {', '.join(inner)}" if inner else self.way_out
            return DataError(f"{self.path}: {name} is a group; {choices}")
        parent = name.rpartition("/")[0] or "."
        while parent != "." and not self.names(parent):
            parent = parent.rpartition("/")[0] or "."
        known = [array.name for array in self.arrays(parent)[:CHOICES]]
        hint = did_you_mean(name, known) if known else "it holds no arrays there"
        return DataError(f"{self.path}: no array {name}; {hint}")


@cache
def _register_codecs() -> None:
    if importlib.util.find_spec("hdf5plugin") is not None:
        importlib.import_module("hdf5plugin")  # it does so itself


def _missing_codec(data: "h5py.Dataset") -> str | None:
    """The filter that is needed to read an array, if it is not there."""
    import h5py

    _register_codecs()
    plan = data.id.get_create_plist()
    for number in range(plan.get_nfilters()):
        code, _, _, name = plan.get_filter(number)
        if not h5py.h5z.filter_avail(code):
            return name.decode(errors="replace") or f"filter {code}"
    return None


@contextmanager
def open_hdf5(path: Path, way_out: str) -> Iterator[Hdf5]:
    """Open a file to read.

    Args:
        path: the file.
        way_out: what to do if it is missing or damaged.

    Raises:
        DataError: it is missing, no HDF5, or cut short.
        MachineError: it cannot be read.
    """
    import h5py

    if not path.is_file():
        raise DataError(f"{path}: no such file; {way_out}")
    with parsing(path, way_out, "no HDF5 file, damaged or cut short"):
        # File systems without locks, such as NFS, would refuse to open it otherwise.
        file = h5py.File(path, "r", locking="best-effort")
    with file:
        yield Hdf5(file, path, way_out)
