"""Data sets on the hub: the files of a commit, all downloaded side by side."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2

from pipeline.download.web import Advance, HttpClient, Remote, UnreachableError
from pipeline.errors import DataError

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile

CONCURRENT = 8
"""Concurrent downloads: a LeRobot set consists of many small files."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A data set repository at one commit."""

    name: str
    commit: str
    endpoint: str | None

    def files(self, folder: str | None = None, *, recursive: bool = True) -> list[Remote]:
        """The files in a folder, with subfolders if `recursive`.

        Raises:
            UnreachableError: the hub does not list them.
        """
        from huggingface_hub import HfApi
        from huggingface_hub.hf_api import RepoFile

        with hub_errors(self.name):
            entries = HfApi(endpoint=self.endpoint).list_repo_tree(
                self.name, folder, recursive=recursive, revision=self.commit, repo_type="dataset"
            )
            return [self._remote(entry) for entry in entries if isinstance(entry, RepoFile)]

    def _remote(self, entry: "RepoFile") -> Remote:
        from huggingface_hub import hf_hub_url

        url = hf_hub_url(
            self.name,
            entry.path,
            repo_type="dataset",
            revision=self.commit,
            endpoint=self.endpoint,
        )
        return Remote(entry.path, url, entry.size, entry.lfs.sha256 if entry.lfs else None)


def resolve_commit(name: str, revision: str, endpoint: str | None, http: HttpClient) -> Repository:
    """A repository at the commit of a branch, tag or commit.

    Args:
        name: id of the data set.
        revision: branch, tag or commit.
        endpoint: of the hub; None for HF_ENDPOINT or the default.
        http: gets the user's token.

    Raises:
        UnreachableError: the hub does not answer, or has no such repository or revision.
    """
    from huggingface_hub import HfApi, get_token

    http.log_in(get_token())
    with hub_errors(name):
        commit = HfApi(endpoint=endpoint).dataset_info(name, revision=revision, timeout=30).sha
    if commit is None:
        raise UnreachableError(f"{name}: the hub gives no commit for {revision}")
    return Repository(name, commit, endpoint)


@contextmanager
def hub_errors(name: str) -> Iterator[None]:
    """Turn errors of huggingface_hub into one line."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        yield
    except (HfHubHTTPError, HFValidationError, httpx2.TransportError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UnreachableError(f"{name}: cannot be read from the hub ({reason})") from None


def download_all(files: Sequence[Remote], root: Path, http: HttpClient, advance: Advance) -> None:
    """Download files below `root`, each with its name in the repository.

    Raises:
        DataError: size or sha256 of one are wrong, or its name leads out of the folder.
        UnreachableError: the server does not answer.
    """
    pool = ThreadPoolExecutor(CONCURRENT)
    try:
        for _ in pool.map(
            lambda file: http.download(file, target(root, file.name), advance), files
        ):
            pass
    finally:
        pool.shutdown(cancel_futures=True)


def target(dest: Path, name: str) -> Path:
    """The path of a file that a server or an archive names.

    Raises:
        DataError: it lies outside DEST.
    """
    path = dest / name
    if not path.resolve().is_relative_to(dest.resolve()):
        raise DataError(f"{name!r}: leads out of {dest}; refused to write it")
    return path


def is_complete(path: Path, size: int) -> bool:
    """Whether a file is on disk: it gets its name only once it is complete."""
    return path.is_file() and path.stat().st_size == size
