"""The inventory of a data set that the user has already: files are listed, never copied."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import Field

from pipeline.collect.digests import digests
from pipeline.collect.listing import files_below, folder_of
from pipeline.errors import DataError
from pipeline.files.json_model import FileModel, read_json
from pipeline.files.names import InnerPath

INVENTORY = "inventory.json"
FETCH = "fetch it again"
SIMULATE = "restore it with `dvc checkout` or simulate the set again with `dvc repro -f collect`"
RELIST = "list the set again with `dvc repro -f collect`"


class Entry(FileModel):
    """One file: its path below the root, its size, and the SHA-256 of its content."""

    name: InnerPath
    bytes: int = Field(ge=0)
    sha256: str


class Inventory(FileModel):
    """inventory.json."""

    root: str = Field(pattern=r"^[^\x00]+$")
    files: list[Entry]


def write_inventory(root: str | Path, out: Path) -> int:
    """List all files under `root` in a new folder `out`: names, sizes and SHA-256.

    Returns:
        The number of files.

    Raises:
        DataError: there is no such folder, it is empty, or a link in it leads nowhere or back.
    """
    files = _entries(folder_of(root))
    out.mkdir()
    content = Inventory(root=str(root), files=files).model_dump()
    (out / INVENTORY).write_text(json.dumps(content, indent=1) + "\n")
    return len(files)


def resolve(raw: Path) -> Path:
    """The folder that holds the episodes: `raw` itself, or the one that its inventory lists.

    Raises:
        DataError: there is no such folder, the inventory is damaged, or a file is missing, has
            changed or is new.
    """
    if not raw.is_dir():
        raise DataError(f"{raw}: no such folder; run `dvc repro collect` to make it")
    path = raw / INVENTORY
    if not path.is_file():
        return raw
    inventory = read_json(path, Inventory, RELIST)
    root = folder_of(inventory.root)
    listed = {entry.name: entry for entry in inventory.files}
    found = {entry.name: entry for entry in _entries(root)}
    for name in sorted(listed.keys() | found.keys()):
        if name not in found:
            raise DataError(f"{root / name}: missing since it was listed; restore it or {RELIST}")
        if name not in listed:
            raise DataError(f"{root / name}: new since the set was listed; {RELIST}")
        if found[name] != listed[name]:
            raise DataError(f"{root / name}: changed since it was listed; {RELIST}")
    return root


@contextmanager
def advising(raw: Path) -> Iterator[None]:
    """Around what reads the set in `raw`: what was simulated cannot be fetched again.

    Raises:
        DataError: that of a reader, with the way out for this set.
    """
    try:
        yield
    except DataError as error:
        if (raw / INVENTORY).is_file():
            raise
        raise DataError(str(error).replace(FETCH, SIMULATE)) from None


def _entries(root: Path) -> list[Entry]:
    contents = digests(files_below(root).files)
    return [
        Entry(name=path.relative_to(root).as_posix(), bytes=path.stat().st_size, sha256=digest)
        for path, digest in contents.items()
    ]
