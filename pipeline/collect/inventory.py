"""The inventory of a data set that the user has already: files are listed, never copied."""

import json
from pathlib import Path

from pydantic import Field

from pipeline.checksum import sha256
from pipeline.errors import DataError
from pipeline.files.json_model import FileModel, read_json
from pipeline.files.names import InnerPath

INVENTORY = "inventory.json"
HASHED = 2**20  # bytes; larger files are identified by their size alone
RELIST = "list the set again with `dvc repro -f collect`"


class Entry(FileModel):
    """One file: its path below the root, its size, and the SHA-256 of a small one."""

    name: InnerPath
    bytes: int = Field(ge=0)
    sha256: str | None = None


class Inventory(FileModel):
    """inventory.json."""

    root: str = Field(pattern=r"^[^\x00]+$")
    files: list[Entry]


def write_inventory(root: Path, out: Path) -> int:
    """List all files under `root` in a new folder `out`: names, sizes, SHA-256 of small files.

    Returns:
        The number of files.

    Raises:
        DataError: there is no such folder, or it is empty.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; correct datasets.NAME.root or set it to null")
    files = [_entry(path, root) for path in sorted(root.rglob("*")) if path.is_file()]
    if not files:
        raise DataError(f"{root}: holds no files; correct datasets.NAME.root or set it to null")
    out.mkdir()
    content = Inventory(root=str(root), files=files).model_dump(exclude_none=True)
    (out / INVENTORY).write_text(json.dumps(content, indent=1) + "\n")
    return len(files)


def resolve(raw: Path) -> Path:
    """The folder that holds the episodes: `raw` itself, or the one that its inventory lists.

    Raises:
        DataError: the inventory is damaged, or a listed file is missing or has changed.
    """
    path = raw / INVENTORY
    if not path.is_file():
        return raw
    inventory = read_json(path, Inventory, RELIST)
    root = Path(inventory.root)
    for entry in inventory.files:
        file = root / entry.name
        if not file.is_file():
            raise DataError(f"{file}: missing since it was listed; restore it or {RELIST}")
        if _entry(file, root) != entry:
            raise DataError(f"{file}: changed since it was listed; {RELIST}")
    return root


def _entry(path: Path, root: Path) -> Entry:
    size = path.stat().st_size
    digest = sha256(path) if size <= HASHED else None
    return Entry(name=path.relative_to(root).as_posix(), bytes=size, sha256=digest)
