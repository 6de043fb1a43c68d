"""File objects for a file on a server, and for several files one after the other."""

import io
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO

from pipeline.download.web import HttpClient, Remote

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MIN_CHUNK, MAX_CHUNK = 1 << 16, 1 << 25
"""Bytes of a range request: doubled while the file is read in sequence."""


class _Seekable(io.RawIOBase):
    """A read-only file of known size; subclasses read at `position`."""

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


class _RangeReader(_Seekable):
    """A file on a server, read by range requests that double in size while reading in sequence."""

    def __init__(self, remote: Remote, http: HttpClient) -> None:
        super().__init__(remote.size)
        self.remote, self.http = remote, http
        self.start, self.chunk, self.chunk_size = 0, b"", MIN_CHUNK

    def readinto(self, buffer: "WriteableBuffer") -> int:
        if self.position >= self.size:
            return 0
        end = self.start + len(self.chunk)
        if not self.start <= self.position < end:
            sequential = self.position == end
            self.chunk_size = min(2 * self.chunk_size, MAX_CHUNK) if sequential else MIN_CHUNK
            self.start = self.position
            length = min(self.chunk_size, self.size - self.start)
            self.chunk = self.http.read_range(self.remote, self.start, length)
        into = memoryview(buffer)
        offset = self.position - self.start
        content = self.chunk[offset : offset + len(into)]
        into[: len(content)] = content
        self.position += len(content)
        return len(content)


class _Concatenated(_Seekable):
    """Files, one after the other."""

    def __init__(self, files: Sequence[BinaryIO], sizes: Sequence[int]) -> None:
        super().__init__(sum(sizes))
        self.files = files
        self.ends = list(accumulate(sizes))

    def readinto(self, buffer: "WriteableBuffer") -> int:
        if self.position >= self.size:
            return 0
        number = bisect_right(self.ends, self.position)
        left = self.ends[number] - self.position
        file = self.files[number]
        file.seek(-left, io.SEEK_END)
        into = memoryview(buffer)[:left]
        content = file.read(len(into))
        into[: len(content)] = content
        self.position += len(content)
        return len(content)


def remote_file(remote: Remote, http: HttpClient) -> BinaryIO:
    """A file on a server; only the ranges that are read are downloaded."""
    return io.BufferedReader(_RangeReader(remote, http))


def concatenated(files: Sequence[BinaryIO], sizes: Sequence[int]) -> BinaryIO:
    """Several files as one; `sizes` are their bytes."""
    return io.BufferedReader(_Concatenated(files, sizes))
