"""Every array of a folder of golden files against this implementation."""

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import DataError
from pipeline.tools.parity import checks
from pipeline.tools.parity.golden import SUFFIXES, Arrays, Check, Folder, not_understood


def run(folder: Path) -> Iterator[Check]:
    """A check for each array, file after file; what nobody reads is a check that fails.

    Folders below are run too, if they hold a file that has a module: others hold something else.

    Raises:
        DataError: there is no such folder, it holds no golden file, or one that is damaged.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; name one that holds golden files")
    below = sorted(path for path in folder.rglob("*") if path.is_dir() and known_files(path))
    if not below and not Folder(folder).files():
        raise DataError(f"{folder}: holds no golden file ({', '.join(SUFFIXES)})")
    yield from run_one(folder)
    for part in below:
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
    """The files of one folder that have a module."""
    known = modules()
    files = Folder(folder).files()
    return [file for file in files if file.suffix in SUFFIXES and file.stem in known]


def modules() -> set[str]:
    """Stems of the files that have a module."""
    return {module.name for module in pkgutil.iter_modules(checks.__path__)}


def check_file(golden: Folder, file: Path) -> Iterator[Check]:
    """A check for each array of one file, by the module of its name."""
    match file.suffix:
        case ".npz":
            arrays = golden.arrays(file.stem)
        case ".safetensors":
            arrays = golden.tensors(file.stem)
        case _:
            arrays = Arrays(file, {})
    module = importlib.import_module(f"{checks.__name__}.{file.stem}")
    try:
        for check in module.check(arrays, golden):
            yield dataclasses.replace(check, name=f"{file.stem} {check.name}")
    except (RuntimeError, ValueError, IndexError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{file}: its arrays do not fit one another ({reason})") from None
    for name in arrays:
        if name not in arrays.read:
            yield not_understood(f"{file.stem} {name}")
