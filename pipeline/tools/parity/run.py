"""Check every array in a folder of golden files."""

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import DataError
from pipeline.files.content import parsing
from pipeline.tools.parity import checks
from pipeline.tools.parity.golden import SUFFIXES, Arrays, Check, Folder, not_understood


def run(folder: Path) -> Iterator[Check]:
    """A check for each array, file after file; arrays and files that are not read fail.

    Subfolders are included if they hold a file with a module in `checks`.

    Raises:
        DataError: the folder does not exist, or holds no golden file, or a damaged one.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; name one that holds golden files")
    subfolders = sorted(path for path in folder.rglob("*") if path.is_dir() and known_files(path))
    if not subfolders and not Folder(folder).files():
        raise DataError(f"{folder}: holds no golden file ({', '.join(SUFFIXES)})")
    yield from run_one(folder)
    for part in subfolders:
        for check in run_one(part):
            place = part.relative_to(folder).as_posix()
            yield dataclasses.replace(check, name=f"{place}/{check.name}")


def run_one(folder: Path) -> Iterator[Check]:
    """The checks of the files of one folder."""
    golden = Folder(folder)
    for file in known_files(folder):
        yield from check_file(golden, file)
    for file in golden.files():
        if file not in golden.read:
            yield not_understood(file.name)


def known_files(folder: Path) -> list[Path]:
    """The files of one folder that have a module in `checks`."""
    stems = modules()
    files = Folder(folder).files()
    return [file for file in files if file.suffix in SUFFIXES and file.stem in stems]


def modules() -> set[str]:
    """Names of the modules in `checks`: the stems of golden files."""
    return {module.name for module in pkgutil.iter_modules(checks.__path__)}


def check_file(golden: Folder, file: Path) -> Iterator[Check]:
    """A check for each array of one file, by the module with its name."""
    match file.suffix:
        case ".npz":
            arrays = golden.arrays(file.stem)
        case ".safetensors":
            arrays = golden.tensors(file.stem)
        case _:
            arrays = Arrays(file, {})
    module = importlib.import_module(f"{checks.__name__}.{file.stem}")
    with parsing(file, "copy it again", "its arrays do not fit one another"):
        for check in module.check(arrays, golden):
            yield dataclasses.replace(check, name=f"{file.stem} {check.name}")
    for name in arrays:
        if name not in arrays.read:
            yield not_understood(f"{file.stem} {name}")
