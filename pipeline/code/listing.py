"""The code of each stage but for its chosen members, which dvc.yaml names by their selectors."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from pipeline import imports
from pipeline.checksum import sha256
from pipeline.families import FAMILIES, STATE, family

STAGE = re.compile(r"pipeline\.\w+\.__main__")
LOCATE = "pipeline.collect.locate"
"""The stage that names what the chosen data set chooses, with a digest of its code."""


def stages() -> dict[str, str]:
    """Modules that run as stages, by name: pipeline/STAGE/__main__.py, and LOCATE.

    Not the stage here, which depends on the whole package.
    """
    names = [name.split(".")[1] for name in imports.modules() if STAGE.fullmatch(name)]
    return {"locate": LOCATE} | {n: f"pipeline.{n}.__main__" for n in names if n != "code"}


def listing(module: str) -> str:
    """The code of a stage as `sha256sum` prints it, sorted by path.

    Args:
        module: that is run.

    Raises:
        DataError: a file that belongs to it is no Python.
    """
    home = imports.PACKAGE.parent
    files = {path.relative_to(home).as_posix(): path for path in _files(module)}
    return "".join(f"{sha256(files[name])}  {name}\n" for name in sorted(files))


def _files(module: str) -> Iterator[Path]:
    for name in _modules(module) - {imports.PACKAGE.name}:
        path = imports.modules()[name]
        yield path
        if path.name == "__init__.py":
            yield from _beside(path.parent)


def _modules(module: str) -> set[str]:
    """What a stage imports, and what any member of the families that it imports does.

    Of the members themselves, those alone that the stage names. LOCATE tells of members that a data
    set chooses, and runs them all.
    """
    own = imports.closure([module])
    if module == LOCATE:
        members = {f.module(name) for f in FAMILIES if f.of_dataset for name in f.names()}
        return own | imports.closure({*members, family("encoders").module(STATE)})
    chosen = [f for f in FAMILIES if f.package in own and not f.of_dataset]
    members = {f.module(name) for f in chosen for name in f.names()}
    inner = {each for member in members for each in imports.inside(member)}
    return own | imports.closure(members) - inner


def _beside(package: Path) -> Iterator[Path]:
    """What is no module in the folder of a package, such as templates; not in packages inside."""
    for folder, inner, names in os.walk(package):
        inner[:] = [name for name in inner if not _is_left_out(Path(folder, name))]
        for path in (Path(folder, name) for name in names):
            if path.suffix not in (".py", ".pyc") and not path.name.startswith("."):
                yield path


def _is_left_out(folder: Path) -> bool:
    compiled_or_hidden = folder.name == "__pycache__" or folder.name.startswith(".")
    return compiled_or_hidden or (folder / "__init__.py").is_file()
