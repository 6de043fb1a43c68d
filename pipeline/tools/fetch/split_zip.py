"""Split zip archives (`zip -s`: NAME.z01, NAME.z02, ..., NAME.zip), as one that zipfile reads.

The central directory of a split archive locates a member by part number and offset in that part.
The parts are concatenated as they are, followed by a directory with offsets from the start of the
first part; no member is copied. Fields as in PKWARE's APPNOTE.TXT 6.3.10,
sections 4.3.12 (central directory) to 4.3.16 (its end), and 4.5.3 (the 64-bit sizes).
"""

import io
import struct
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import BinaryIO, NamedTuple

from pipeline.errors import DataError
from pipeline.tools.fetch.seekable import concatenated

ENTRY = struct.Struct("<4s6H3L5H2L")
END = struct.Struct("<4s4H2LH")
END64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR = struct.Struct("<4sLQL")
FULL = 0xFFFFFFFF
"""A 32-bit field with this value refers to the 64 bits in the extra field."""
MAX_COMMENT = 0xFFFF


def merge_parts(parts: Sequence[BinaryIO], sizes: Sequence[int], name: str) -> BinaryIO:
    """Merge the parts of a split archive into one archive.

    Args:
        parts: in order, the .zip last.
        sizes: bytes of each part.
        name: of the archive, for errors.

    Raises:
        DataError: parts are missing, or they are not a split archive.
    """
    plain = concatenated(parts, sizes)
    starts = [0, *accumulate(sizes)][:-1]
    try:
        end = _end(plain, starts)
        if end.last + 1 == len(parts):
            plain.seek(starts[end.first] + end.offset)
            directory = b"".join(_entries(plain.read(end.size), end.entries, starts))
    except (struct.error, IndexError, ValueError):
        raise DataError(
            f"{name}: the {len(parts)} parts are not a split zip archive; fetch them again"
        ) from None
    if end.last + 1 != len(parts):
        raise DataError(
            f"{name}: has {end.last + 1} parts, but {len(parts)} are listed; fetch it again"
        )
    tail = directory + _closing(sum(sizes), len(directory), end.entries)
    return concatenated([*parts, io.BytesIO(tail)], [*sizes, len(tail)])


class _End(NamedTuple):
    last: int
    """Index of the last part."""
    first: int
    """Index of the part in which the central directory begins, and its offset there."""
    offset: int
    size: int
    entries: int


def _end(plain: BinaryIO, starts: Sequence[int]) -> _End:
    total = plain.seek(0, io.SEEK_END)
    plain.seek(max(0, total - END.size - MAX_COMMENT - LOCATOR.size))
    tail = plain.read()
    at = tail.rindex(b"PK\5\6")
    _, last, first, _, count, size, offset, _ = END.unpack_from(tail, at)
    locator = tail[max(0, at - LOCATOR.size) : at]
    if locator.startswith(b"PK\6\7"):
        _, part, place, _ = LOCATOR.unpack(locator)
        plain.seek(starts[part] + place)
        _, _, _, _, last, first, _, count, size, offset = END64.unpack(plain.read(END64.size))
    return _End(last, first, offset, size, count)


def _entries(directory: bytes, count: int, starts: Sequence[int]) -> Iterator[bytes]:
    """The entries of the directory, with offsets from the start of the first part."""
    at = 0
    for _ in range(count):
        fields = list(ENTRY.unpack_from(directory, at))
        if fields[0] != b"PK\1\2":
            raise ValueError
        name_end = at + ENTRY.size + fields[10]
        extra_end = name_end + fields[11]
        end = extra_end + fields[12]
        long, others = _extra(directory[name_end:extra_end])
        # Uncompressed size, compressed size, offset: 64 bits each, where the 32 are FULL.
        offsets = {9: fields[9], 8: fields[8], 16: fields[16]}
        for field in offsets:
            if offsets[field] == FULL:
                offsets[field], long = struct.unpack_from("<Q", long)[0], long[8:]
        extra = struct.pack(
            "<2H3Q", 1, 24, offsets[9], offsets[8], offsets[16] + starts[fields[13]]
        )  # fmt: skip
        fields[8] = fields[9] = fields[16] = FULL
        fields[11], fields[13] = len(extra) + len(others), 0
        text = directory[at + ENTRY.size : name_end]
        yield ENTRY.pack(*fields) + text + extra + others + directory[extra_end:end]
        at = end


def _extra(extra: bytes) -> tuple[bytes, bytes]:
    """The 64-bit sizes in an entry's extra field, and the rest of the field."""
    long, others = b"", b""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        part, extra = extra[: 4 + length], extra[4 + length :]
        if kind == 1:
            long = part[4:]
        else:
            others += part
    return long, others


def _closing(start: int, size: int, count: int) -> bytes:
    """The end-of-directory records of an archive in one part, in Zip64."""
    return (
        END64.pack(b"PK\6\6", END64.size - 12, 45, 45, 0, 0, count, count, size, start)
        + LOCATOR.pack(b"PK\6\7", 0, start + size, 1)
        + END.pack(b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, FULL, FULL, 0)
    )
