"""HTTP as downloads need it: patient, resumable, checked, and one line when it fails."""

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
"""Told how many more bytes of the listed sizes have arrived; negative where some are lost."""

BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
FIRST_ATTEMPTS, ATTEMPTS = 4, 10
"""Tries of what comes first, when somebody waits, and of a download: some 6 minutes in all,
longer than the 5 for which the hub turns away those who ask too often."""
LONGEST_WAIT = 120.0


class UnreachableError(DataError):
    """The place where a set is published does not answer, or not with the set."""


class NoRangesError(DataError):
    """A server that sends files only whole."""


class _BrokenError(Exception):
    """A busy server or a cut connection: worth another try."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A file to download."""

    name: str
    url: str
    size: int
    sha256: str | None


class Web:
    """A client that tries again, waiting twice as long every time."""

    def __init__(self, delay: float) -> None:
        """Open no connection yet; `delay` is in seconds, before the first retry."""
        self.delay = delay
        # Compressed on the way, neither sizes nor ranges would be those of the file.
        headers = {"Accept-Encoding": "identity"}
        self.client = httpx2.Client(follow_redirects=True, timeout=30, headers=headers)

    def __enter__(self) -> Self:
        """Nothing more to open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.client.close()

    def log_in(self, token: str | None) -> None:
        """Say who asks; a server is asked for more by those it knows."""
        if token is not None:
            self.client.headers["Authorization"] = f"Bearer {token}"

    def json(self, url: str) -> Any:
        """The JSON that an API answers with."""

        def ask() -> Any:
            response = self.client.get(url)
            _check(response)
            return response.json()

        return self._patiently(url, ask, FIRST_ATTEMPTS)

    def part(self, remote: Remote, start: int, length: int) -> bytes:
        """Some bytes out of the middle of a file.

        Raises:
            NoRangesError: the server sends files only whole.
            UnreachableError: it does not answer.
        """

        def ask() -> bytes:
            asked = {"Range": f"bytes={start}-{start + length - 1}"}
            with self.client.stream("GET", remote.url, headers=asked) as response:
                _check(response)
                if response.status_code != 206:
                    raise NoRangesError(f"{remote.url}: the server sends no parts of files")
                content = response.read()
            if len(content) != length:
                raise _BrokenError(f"sent {len(content)} of {length} bytes")
            return content

        return self._patiently(remote.url, ask)

    def download(self, remote: Remote, path: Path, advance: Advance) -> None:
        """Download a file to `path`, going on where PATH.part ends; it appears whole or not at all.

        Raises:
            DataError: its bytes are not those that were announced, twice.
            UnreachableError: the server does not answer.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        part = partial(path)
        part.touch()
        advance(_size(part))
        for _ in range(2):
            while (had := _size(part)) < remote.size:
                self._patiently(remote.url, lambda: self._append(remote, part, advance))
            if had == remote.size and remote.sha256 in (None, sha256(part)):
                os.replace(part, path)
                return
            part.unlink()
            part.touch()
            advance(-had)
        part.unlink()
        raise DataError(
            f"{remote.url}: twice, its bytes were not those announced ({remote.size:,} bytes, "
            f"sha256 {remote.sha256}); they were deleted, try again later"
        )

    def _append(self, remote: Remote, part: Path, advance: Advance) -> None:
        had = _size(part)
        asked = {"Range": f"bytes={had}-"} if had else {}
        try:
            with self.client.stream("GET", remote.url, headers=asked) as response:
                _check(response)
                goes_on = response.status_code == 206
                if not goes_on:
                    advance(-had)
                with part.open("ab" if goes_on else "wb") as file:
                    for piece in response.iter_raw():
                        file.write(piece)
                        advance(len(piece))
        except httpx2.TransportError:
            if _size(part) <= had:
                raise
        if _size(part) == had:
            raise _BrokenError("sent nothing")

    def _patiently(self, url: str, act: Callable[[], T], attempts: int = ATTEMPTS) -> T:
        for attempt in range(attempts):
            try:
                return act()
            except (httpx2.TransportError, _BrokenError) as error:
                reason = " ".join(str(error).split()) or type(error).__name__
                if attempt + 1 < attempts:
                    time.sleep(min(self.delay * 2**attempt, LONGEST_WAIT))
        raise UnreachableError(f"{url}: no answer in {attempts} attempts ({reason})")


def partial(path: Path) -> Path:
    """Where a file is gathered before it is whole."""
    return path.with_name(f"{path.name}.part")


def begun(path: Path) -> int:
    """Bytes of a file that an earlier run has left."""
    return _size(path) or _size(partial(path))


def _check(response: httpx2.Response) -> None:
    if response.status_code in BUSY:
        raise _BrokenError(f"HTTP {response.status_code}")
    if response.is_error:
        raise UnreachableError(f"{response.url}: the server answers HTTP {response.status_code}")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
