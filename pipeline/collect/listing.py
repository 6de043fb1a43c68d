"""The files of a data set that the user has, through whatever links it is put together."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import DataError
from pipeline.files.places import from_project

REMEDY = "correct datasets.NAME.root or set it to null"


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies below a root.

    Attributes:
        files: all files, sorted by their paths; those behind links as if they lay there.
        linked_folders: whether some of them lie behind a link to a folder.
    """

    files: list[Path]
    linked_folders: bool


def folder_of(root: str | Path) -> Path:
    """The folder that `datasets.NAME.root` means.

    Raises:
        DataError: there is no such folder.
    """
    folder = from_project(root)
    if not folder.is_dir():
        raise DataError(f"{root}: no such folder in {Path.cwd()}; {REMEDY}")
    return folder


def files_below(root: Path) -> Listing:
    """List the files below the folder `root`, following links to files and folders.

    Raises:
        DataError: it holds no files, or a link leads nowhere or back to a folder that holds it.
    """
    found = sorted(_walk(root, frozenset(), linked=False))
    if not found:
        raise DataError(f"{root}: holds no files; {REMEDY}")
    return Listing([path for path, _ in found], any(linked for _, linked in found))


def _walk(folder: Path, above: frozenset[Path], *, linked: bool) -> Iterator[tuple[Path, bool]]:
    """Files below a folder, and whether they are behind a link; `above` are the folders on the way.

    Only resolved paths tell whether two links lead to the same folder.
    """
    here = folder.resolve()
    if here in above:
        raise DataError(f"{folder}: a link to a folder that holds it; remove the link")
    for path in folder.iterdir():
        if path.is_dir():
            yield from _walk(path, above | {here}, linked=linked or path.is_symlink())
        elif path.is_file():
            yield path, linked
        elif not path.exists():
            raise DataError(f"{path}: a link that leads nowhere; mend or remove it")
