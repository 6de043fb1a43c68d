"""Files that lie elsewhere or in several pieces, read as if they were one file here."""

import io
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO

from pipeline.tools.fetch.web import Remote, Web

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

FEWEST, MOST = 1 << 16, 1 << 25


class _Seekable(io.RawIOBase):
    """A file of known size with a position; what is read there is up to the subclass."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.position = offset + {0: 0, 1: self.position, 2: self.size}[whence]
        return self.position


class _Ranged(_Seekable):
    """Asks for ever more at once while it is read in sequence: few requests, little in vain."""

    def __init__(self, remote: Remote, web: Web) -> None:
        super().__init__(remote.size)
        self.remote, self.web = remote, web
        self.start, self.held, self.ask = 0, b"", FEWEST

    def readinto(self, buffer: "WriteableBuffer") -> int:
        if self.position >= self.size:
            return 0
        end = self.start + len(self.held)
        if not self.start <= self.position < end:
            self.ask = min(2 * self.ask, MOST) if self.position == end else FEWEST
            self.start = self.position
            length = min(self.ask, self.size - self.start)
            self.held = self.web.part(self.remote, self.start, length)
        into = memoryview(buffer)
        offset = self.position - self.start
        piece = self.held[offset : offset + len(into)]
        into[: len(piece)] = piece
        self.position += len(piece)
        return len(piece)


class _Joined(_Seekable):
    """Pieces, one after the other."""

    def __init__(self, pieces: Sequence[BinaryIO], sizes: Sequence[int]) -> None:
        super().__init__(sum(sizes))
        self.pieces = pieces
        self.ends = list(accumulate(sizes))

    def readinto(self, buffer: "WriteableBuffer") -> int:
        if self.position >= self.size:
            return 0
        number = bisect_right(self.ends, self.position)
        left = self.ends[number] - self.position
        piece = self.pieces[number]
        piece.seek(-left, io.SEEK_END)
        into = memoryview(buffer)[:left]
        content = piece.read(len(into))
        into[: len(content)] = content
        self.position += len(content)
        return len(content)


def remote_file(remote: Remote, web: Web) -> BinaryIO:
    """A file on a server, of which only what is read is downloaded."""
    return io.BufferedReader(_Ranged(remote, web))


def joined(pieces: Sequence[BinaryIO], sizes: Sequence[int]) -> BinaryIO:
    """Pieces as one file."""
    return io.BufferedReader(_Joined(pieces, sizes))
