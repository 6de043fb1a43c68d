"""A data set that the user has already: listed, pointed at, and never copied."""

import json
from pathlib import Path

from pipeline.checksum import sha256
from pipeline.errors import DataError

INVENTORY = "inventory.json"
HASHED = 2**20  # bytes of the largest file that is hashed; tables of a set decide what is read


def take(root: Path, out: Path) -> int:
    """Write to the folder `out` what lies under `root`: names, sizes, hashes of small files.

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


def located(raw: Path) -> Path:
    """Where the episodes lie: in `raw`, or where its inventory points.

    Raises:
        DataError: what the inventory lists is gone, or has another size or content by now.
    """
    path = raw / INVENTORY
    if not path.is_file():
        return raw
    inventory = json.loads(path.read_text())
    root = Path(inventory["root"])
    for entry in inventory["files"]:
        file = root / entry["name"]
        if not file.is_file():
            raise DataError(f"{file}: gone since it was listed; restore it or {AGAIN}")
        if _entry(file, root) != entry:
            raise DataError(f"{file}: changed since it was listed; {AGAIN}")
    return root


AGAIN = "list the set again with `dvc repro -f collect`"


def _entry(path: Path, root: Path) -> dict[str, str | int]:
    size = path.stat().st_size
    entry: dict[str, str | int] = {"name": path.relative_to(root).as_posix(), "bytes": size}
    if size <= HASHED:
        entry["sha256"] = sha256(path)
    return entry
