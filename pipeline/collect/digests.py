"""SHA-256 of many files, remembered for those that nobody has touched since."""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline import stage
from pipeline.checksum import sha256
from pipeline.errors import DataError
from pipeline.files.json_model import FileModel, read_json

REMEMBERED = stage.SCRATCH / "digests.json"
THREADS = 8
SETTLED = 2 * 10**9
"""Nanoseconds after which a file's next change surely moves its time stamps."""
Stamp = tuple[int, int, int, int]
"""Size, inode, and in ns when it was modified (can be set back) and when changed (cannot)."""


class Known(FileModel):
    """A file as it was when it was read."""

    stamp: Stamp
    sha256: str


class Remembered(FileModel):
    """Files by their absolute paths."""

    files: dict[str, Known]


def digests(files: Iterable[Path]) -> dict[Path, str]:
    """SHA-256 of the content of files; only those that were touched since are read again."""
    known, now = _recall(), time.time_ns()
    stamps = {path: _stamp(path) for path in files}
    places = {path: str(path.resolve()) for path in stamps}
    same = {
        path: known[place].sha256
        for path, place in places.items()
        if place in known and known[place].stamp == stamps[path]
    }
    touched = [path for path in stamps if path not in same]
    with ThreadPoolExecutor(THREADS) as threads:
        each = stage.track(threads.map(sha256, touched), "read", len(touched))
        read = dict(zip(touched, each, strict=True))
    settled = {
        places[path]: Known(stamp=stamps[path], sha256=digest)
        for path, digest in read.items()
        if max(stamps[path][2:]) + SETTLED < now
    }
    if settled:
        stage.write_json(REMEMBERED, Remembered(files=known | settled).model_dump())
    found = same | read
    return {path: found[path] for path in stamps}


def _stamp(path: Path) -> Stamp:
    stat = path.stat()
    return stat.st_size, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns


def _recall() -> dict[str, Known]:
    """Files that an earlier run read; none if that cannot be told: it only saves time."""
    try:
        return read_json(REMEMBERED, Remembered, "").files
    except DataError:
        return {}
