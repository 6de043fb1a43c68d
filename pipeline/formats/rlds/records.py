"""TFRecord files: where each record lies in them, and its bytes, held against their checksums.

A record is its length (8 bytes), that length's checksum (4), its bytes, and their checksum (4), all
little-endian; checksums are CRC-32C, rotated and shifted (tensorflow/core/lib/io/record_writer.h).
"""

import re
import struct
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import DataError
from pipeline.files.content import parsing

FETCH = "fetch it again"
HEADER, FOOTER = 12, 4
MASK = 0xA282EAD8
LARGEST = 2**31 - 1
"""Bytes of the largest message that protobuf reads."""
NAME = re.compile(r"(?:.*-)?(?P<split>\w+)\.tfrecord(?:-\d+-of-(?P<count>\d+))?")
"""Names of files, by which tensorflow-datasets tells splits and shards."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record in a file: where its bytes begin, and how many they are."""

    path: Path
    start: int
    size: int


def files(folder: Path) -> dict[str, list[Path]]:
    """The TFRecord files of a folder in the order of their shards, by split."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if (match := NAME.fullmatch(path.name)) and path.is_file():
            found.setdefault(match["split"], []).append(path)
    return found


def check_shards(paths: list[Path]) -> None:
    """Check that no shard of a split is missing, by their names.

    Raises:
        DataError: one is.
    """
    match = NAME.fullmatch(paths[0].name)
    count = int(match["count"]) if match and match["count"] else len(paths)
    if count != len(paths):
        raise DataError(
            f"{paths[0].parent}: holds {len(paths)} of the {count} files that {paths[0].name} "
            "counts; fetch the others"
        )


def listed(path: Path) -> list[Record]:
    """Where the records of a file lie; their own bytes are not read.

    Raises:
        DataError: the file is cut short, or no TFRecord file.
    """
    records: list[Record] = []
    with parsing(path, FETCH), path.open("rb") as file:
        end, place = path.stat().st_size, 0
        while place < end:
            file.seek(place)
            header = file.read(HEADER)
            if len(header) < HEADER:
                raise ValueError(f"ends within the header of record {len(records)}")
            size, checksum = struct.unpack("<QI", header)
            if checksum != _masked(header[:8]):
                raise ValueError(f"record {len(records)} does not begin where it should")
            place += HEADER + size + FOOTER
            if place > end:
                raise ValueError(f"record {len(records)} has {size:,} bytes, more than are left")
            records.append(Record(path, place - FOOTER - size, size))
    return records


def content(record: Record, place: str) -> bytes:
    """The bytes of a record.

    Raises:
        DataError: they are not those that were written, or too many.
    """
    with parsing(place, FETCH), record.path.open("rb") as file:
        if record.size > LARGEST:
            raise ValueError(f"{record.size:,} bytes, where at most {LARGEST:,} can be read")
        file.seek(record.start)
        value = file.read(record.size)
        if file.read(FOOTER) != struct.pack("<I", _masked(value)):
            raise ValueError("its checksum is another one")
        return value


def _masked(value: bytes) -> int:
    import google_crc32c

    checksum = int(google_crc32c.value(value))
    return (((checksum >> 15) | (checksum << 17)) + MASK) & 0xFFFFFFFF
