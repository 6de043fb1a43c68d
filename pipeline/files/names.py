"""Paths that a file names: they stay inside of the folder that they are relative to."""

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise ValueError("leads out of its folder")
    return name


def _plain(name: str) -> str:
    if len(PurePosixPath(_inside(name)).parts) != 1 or name == ".":
        raise ValueError("is not the name of a file")
    return name


InnerPath = Annotated[str, AfterValidator(_inside)]
"""A relative path below a folder; links in it are the owner's own and are followed."""
FileName = Annotated[str, AfterValidator(_plain)]
"""Name of a file in a folder, not below it."""
