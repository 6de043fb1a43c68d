"""HTTP downloads that retry, resume, verify SHA-256, and fail with one line.

huggingface_hub's own downloads check sizes alone, and give up at an HTTP 5xx.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx2

from pipeline.checksum import sha256
from pipeline.errors import DataError

T = TypeVar("T")
Advance = Callable[[int], None]
"""Called with the number of bytes that arrived; negative if they were discarded."""

BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
LISTING_ATTEMPTS, ATTEMPTS = 4, 10
"""Attempts at a listing, while the user waits, and at a download: retried for about 6 minutes,
longer than the 5-minute window of the hub's rate limit."""
MAX_WAIT = 120.0


class UnreachableError(DataError):
    """The server does not answer, or with an error."""


class NoRangesError(DataError):
    """The server does not support range requests."""


class _RetryableError(Exception):
    """A busy server or an incomplete answer: worth a retry."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A file to download."""

    name: str
    url: str
    size: int
    sha256: str | None


class HttpClient:
    """An HTTP client that retries with exponential backoff."""

    def __init__(self, delay: float) -> None:
        """`delay` is in seconds, before the first retry; no connection is opened yet."""
        self.delay = delay
        # With compression, neither sizes nor ranges would be those of the file.
        headers = {"Accept-Encoding": "identity"}
        self.client = httpx2.Client(follow_redirects=True, timeout=30, headers=headers)

    def __enter__(self) -> Self:
        """Connections open with the first request."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.client.close()

    def log_in(self, token: str | None) -> None:
        """Send a bearer token with every request: the hub's rate limit is higher for its users."""
        if token is not None:
            self.client.headers["Authorization"] = f"Bearer {token}"

    def json(self, url: str) -> Any:
        """The decoded JSON of a response."""

        def get() -> Any:
            response = self.client.get(url)
            _check(response)
            return response.json()

        return self._with_retries(url, get, LISTING_ATTEMPTS)

    def size_of(self, url: str) -> int:
        """Bytes of a file.

        Raises:
            UnreachableError: the server does not answer, or does not say.
        """

        def get() -> int:
            with self.client.stream("GET", url) as response:
                _check(response)
                if "Content-Length" not in response.headers:
                    raise UnreachableError(f"{url}: the server does not say how large it is")
                return int(response.headers["Content-Length"])

        return self._with_retries(url, get, LISTING_ATTEMPTS)

    def read_range(self, remote: Remote, start: int, length: int) -> bytes:
        """Bytes start..start + length - 1 of a file.

        Raises:
            NoRangesError: the server does not support range requests.
            UnreachableError: it does not answer.
        """

        def get() -> bytes:
            headers = {"Range": f"bytes={start}-{start + length - 1}"}
            with self.client.stream("GET", remote.url, headers=headers) as response:
                _check(response)
                if response.status_code != 206:
                    raise NoRangesError(f"{remote.url}: the server does not support range requests")
                content = response.read()
            if len(content) != length:
                raise _RetryableError(f"sent {len(content)} of {length} bytes")
            return content

        return self._with_retries(remote.url, get)

    def download(self, remote: Remote, path: Path, advance: Advance) -> None:
        """Download a file to `path`, resuming from PATH.part; it appears whole or not at all.

        Raises:
            DataError: size or sha256 are wrong, twice.
            UnreachableError: the server does not answer.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        part = part_path(path)
        part.touch()
        advance(_size(part))
        for _ in range(2):
            while (size := _size(part)) < remote.size:
                self._with_retries(remote.url, lambda: self._append(remote, part, advance))
            if size == remote.size and remote.sha256 in (None, sha256(part)):
                os.replace(part, path)
                return
            part.unlink()
            part.touch()
            advance(-size)
        part.unlink()
        raise DataError(
            f"{remote.url}: downloaded twice, and not the {remote.size:,} bytes of sha256 "
            f"{remote.sha256} that are listed; the file was deleted, try again later"
        )

    def _append(self, remote: Remote, part: Path, advance: Advance) -> None:
        offset = _size(part)
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        try:
            with self.client.stream("GET", remote.url, headers=headers) as response:
                _check(response)
                resumed = response.status_code == 206
                if not resumed:
                    advance(-offset)
                with part.open("ab" if resumed else "wb") as file:
                    for chunk in response.iter_raw():
                        file.write(chunk)
                        advance(len(chunk))
        except httpx2.TransportError:
            if _size(part) <= offset:
                raise
        if _size(part) == offset:
            raise _RetryableError("sent nothing")

    def _with_retries(self, url: str, call: Callable[[], T], attempts: int = ATTEMPTS) -> T:
        for attempt in range(attempts):
            try:
                return call()
            except (httpx2.TransportError, _RetryableError) as error:
                reason = " ".join(str(error).split()) or type(error).__name__
                if attempt + 1 < attempts:
                    time.sleep(min(self.delay * 2**attempt, MAX_WAIT))
        raise UnreachableError(f"{url}: no answer in {attempts} attempts ({reason})")


def part_path(path: Path) -> Path:
    """Where a file lies until it is complete."""
    return path.with_name(f"{path.name}.part")


def bytes_present(path: Path) -> int:
    """Bytes of a file, or of its unfinished download, on disk."""
    return _size(path) or _size(part_path(path))


def _check(response: httpx2.Response) -> None:
    if response.status_code in BUSY:
        raise _RetryableError(f"HTTP {response.status_code}")
    if response.is_error:
        raise UnreachableError(f"{response.url}: the server answers HTTP {response.status_code}")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
