"""The inventory of a data set that the user has already: files are listed, never copied."""

import json
from pathlib import Path

from pipeline.checksum import sha256
from pipeline.errors import DataError

INVENTORY = "inventory.json"
HASHED = 2**20  # bytes; larger files are identified by their size alone
RELIST = "list the set again with `dvc repro -f collect`"


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
    content = {"root": str(root), "files": files}
    (out / INVENTORY).write_text(json.dumps(content, indent=1) + "\n")
    return len(files)


def resolve(raw: Path) -> Path:
    """The folder that holds the episodes: `raw` itself, or the one that its inventory lists.

    Raises:
        DataError: a listed file is missing, or its size or content has changed.
    """
    path = raw / INVENTORY
    if not path.is_file():
        return raw
    inventory = json.loads(path.read_text())
    root = Path(inventory["root"])
    for entry in inventory["files"]:
        file = root / entry["name"]
        if not file.is_file():
            raise DataError(f"{file}: missing since it was listed; restore it or {RELIST}")
        if _entry(file, root) != entry:
            raise DataError(f"{file}: changed since it was listed; {RELIST}")
    return root


def _entry(path: Path, root: Path) -> dict[str, str | int]:
    size = path.stat().st_size
    entry: dict[str, str | int] = {"name": path.relative_to(root).as_posix(), "bytes": size}
    if size <= HASHED:
        entry["sha256"] = sha256(path)
    return entry
