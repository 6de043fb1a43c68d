"""Members of an archive: which belong to a set, and how they reach the disk."""

import os
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from pipeline.errors import DataError
from pipeline.tools.fetch.web import Advance, partial

EPISODE = re.compile(r"/(?:episode_)?(\d{3,})(?:\.\w+|/.*)$")
"""Number of the episode in a member's name; a name without one is a table, which all need."""


def of_set(archive: zipfile.ZipFile, folder: str, episodes: int | None) -> list[zipfile.ZipInfo]:
    """The files of a set: its tables, and its first episodes or all of them.

    Raises:
        DataError: the archive holds no such folder.
    """
    files = [
        member
        for member in archive.infolist()
        if member.filename.startswith(f"{folder}/") and not member.is_dir()
    ]
    if not files:
        raise DataError(f"{archive.filename}: holds no folder {folder}; look at its page")
    return [member for member in files if episodes is None or _number(member) < episodes]


def _number(member: zipfile.ZipInfo) -> int:
    found = EPISODE.search(member.filename)
    return int(found[1]) if found else 0


def place(dest: Path, name: str) -> Path:
    """Where a member goes.

    Raises:
        DataError: its name leads out of DEST.
    """
    path = dest / name
    if not path.resolve().is_relative_to(dest.resolve()):
        raise DataError(f"{name!r}: a member of the archive leads out of {dest}; refused it")
    return path


def missing(dest: Path, members: Iterable[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """The members that are not on the disk yet, or not with their size."""
    return [m for m in members if not holds(place(dest, m.filename), m.file_size)]


def holds(path: Path, size: int) -> bool:
    """Whether a file is there, whole; files are renamed to their names only when they are."""
    return path.is_file() and path.stat().st_size == size


def unpack(
    archive: zipfile.ZipFile, members: Iterable[zipfile.ZipInfo], dest: Path, advance: Advance
) -> None:
    """Write members below DEST as plain files, whatever else they claim to be.

    Raises:
        DataError: a member is damaged.
    """
    for member in members:
        try:
            with archive.open(member) as stream:
                write(stream, place(dest, member.filename))
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
            raise DataError(
                f"{archive.filename}: {member.filename} is damaged ({error}); fetch it again"
            ) from None
        advance(member.compress_size)


def write(stream: IO[bytes], path: Path) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with partial(path).open("wb") as file:
        shutil.copyfileobj(stream, file, 1 << 20)
    os.replace(partial(path), path)


def opened_zip(file: Path | IO[bytes], name: str) -> zipfile.ZipFile:
    """A zip archive, here or elsewhere.

    Raises:
        DataError: it is none.
    """
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        raise DataError(f"{name}: is no zip archive ({error}); look at its page") from None
    archive.filename = name
    return archive
