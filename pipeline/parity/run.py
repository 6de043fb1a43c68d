"""Every array of a folder of golden files against this implementation."""

import dataclasses
import importlib
import math
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pipeline.parity
from pipeline.errors import DataError
from pipeline.parity.golden import SUFFIXES, Arrays, Check, Folder

MACHINERY = {"__main__", "golden", "run"}


def run(folder: Path) -> Iterator[Check]:
    """A check for each array, file after file; what nobody reads is a check that fails.

    Raises:
        DataError: there is no such folder, it holds no golden file, or one that is damaged.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; name one that holds golden files")
    golden = Folder(folder)
    files = golden.files()
    if not files:
        raise DataError(f"{folder}: holds no golden file ({', '.join(SUFFIXES)})")
    known = modules()
    for file in files:
        if file.suffix != ".safetensors" and file.stem in known:
            yield from check_file(golden, file)
    for file in files:
        if file not in golden.read:
            yield _not_understood(file.name)


def modules() -> set[str]:
    """Stems of the files that have a module."""
    names = {module.name for module in pkgutil.iter_modules(pipeline.parity.__path__)}
    return {name for name in names - MACHINERY if not name.startswith("_")}


def check_file(golden: Folder, file: Path) -> Iterator[Check]:
    """A check for each array of one file, by the module of its name."""
    arrays = golden.arrays(file.stem) if file.suffix == ".npz" else Arrays(file, {})
    module = importlib.import_module(f"{pipeline.parity.__name__}.{file.stem}")
    for check in module.check(arrays, golden):
        yield dataclasses.replace(check, name=f"{file.stem} {check.name}")
    for name in arrays:
        if name not in arrays.read:
            yield _not_understood(f"{file.stem} {name}")


def _not_understood(name: str) -> Check:
    return Check(name, math.nan, 0.0, understood=False)
