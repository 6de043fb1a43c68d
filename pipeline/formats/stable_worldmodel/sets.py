"""Which sets of stable-worldmodel a folder holds, and opening one."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.formats.stable_worldmodel.in_folder import open_folder
from pipeline.formats.stable_worldmodel.in_hdf5 import is_of_swm, open_file
from pipeline.formats.stable_worldmodel.in_lance import open_lance
from pipeline.formats.stable_worldmodel.storage import LENGTHS, OFFSETS, Storage

KINDS = {".lance": "Lance", ".h5": "HDF5", ".hdf5": "HDF5"}


@dataclass(frozen=True, slots=True)
class Found:
    """A set in a folder: how it is stored, and where, relative to the folder."""

    kind: str
    file: str


def find(folder: Path) -> list[Found]:
    """The sets in a folder, or that it is, by names and headers."""
    if folder.suffix == ".lance":
        return [Found("Lance", ".")]
    if (folder / f"{LENGTHS}.npz").is_file() and (folder / f"{OFFSETS}.npz").is_file():
        return [Found("folder", ".")]
    named = by_suffix(sorted(folder.iterdir())) if folder.is_dir() else []
    return [each for each in named if each.kind == "Lance" or is_of_swm(folder / each.file)]


def by_suffix(paths: Iterable[Path]) -> list[Found]:
    """What files and folders may be sets, by their names alone."""
    return [Found(KINDS[path.suffix], path.name) for path in paths if path.suffix in KINDS]


def opened(folder: Path, found: Found) -> Storage:
    """Open a set.

    Raises:
        DataError: it is damaged, or a package that reads it is missing.
    """
    path = folder / found.file
    if found.kind == "Lance":
        return open_lance(path)
    return open_file(path) if found.kind == "HDF5" else open_folder(path)
