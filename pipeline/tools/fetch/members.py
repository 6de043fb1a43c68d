"""Members of an archive: selecting those of a data set, and extracting them."""

import os
import re
import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from pipeline.download.repository import is_complete, target
from pipeline.download.web import Advance, part_path
from pipeline.errors import DataError
from pipeline.files.content import parsing

EPISODE = re.compile(r"/(?:episode_)?(\d{3,})(?:\.\w+|/.*)$")
"""Index of the episode in a member's name; a name without one is a table of all episodes."""


def members_of(
    archive: zipfile.ZipFile, folder: str, episodes: int | None
) -> list[zipfile.ZipInfo]:
    """The files of a data set: its tables, and its first `episodes` episodes (None: all).

    Raises:
        DataError: the archive holds no such folder.
    """
    files = [
        member
        for member in archive.infolist()
        if member.filename.startswith(f"{folder}/") and not member.is_dir()
    ]
    if not files:
        raise DataError(
            f"{archive.filename}: has no folder {folder}; the published archive has changed"
        )
    return [member for member in files if episodes is None or _number(member) < episodes]


def _number(member: zipfile.ZipInfo) -> int:
    match = EPISODE.search(member.filename)
    return int(match[1]) if match else 0


def missing(dest: Path, members: Iterable[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """The members that are not on disk, or not with their size."""
    return [m for m in members if not is_complete(target(dest, m.filename), m.file_size)]


def extract(
    archive: zipfile.ZipFile, members: Iterable[zipfile.ZipInfo], dest: Path, advance: Advance
) -> None:
    """Extract members below DEST as regular files, also those that are marked as links.

    Raises:
        DataError: a member is damaged.
    """
    for member in members:
        place = f"{archive.filename}: {member.filename}"
        with parsing(place, "fetch it again"), archive.open(member) as stream:
            write(stream, target(dest, member.filename))
        advance(member.compress_size)


def write(stream: IO[bytes], path: Path) -> None:
    """Write a file, complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with part_path(path).open("wb") as file:
        shutil.copyfileobj(stream, file, 1 << 20)
    os.replace(part_path(path), path)


def open_zip(file: Path | IO[bytes], name: str) -> zipfile.ZipFile:
    """Open a zip archive, on disk or on a server; `name` is for errors.

    Raises:
        DataError: it is not a zip archive.
    """
    with parsing(name, "delete it and fetch it again", "not a zip archive"):
        archive = zipfile.ZipFile(file)
    archive.filename = name
    return archive
