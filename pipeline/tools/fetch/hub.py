"""Data sets on the Hugging Face Hub, fetched at the commit that a revision resolves to."""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2

from pipeline.tools.fetch.members import is_complete, target
from pipeline.tools.fetch.plan import Endpoints, Plan, Request
from pipeline.tools.fetch.web import Advance, HttpClient, Remote, UnreachableError, bytes_present

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile

CONCURRENT = 8
"""Concurrent downloads: a LeRobot set consists of many small files."""
PER_CHUNK = 1000
EPISODE = re.compile(r"episode_(\d{6})\.(?:parquet|mp4)$")


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


def resolve_commit(name: str, revision: str, endpoints: Endpoints, http: HttpClient) -> Repository:
    """A repository at the commit of a branch, tag or commit; the commit is printed.

    Raises:
        UnreachableError: the hub does not answer, or has no such repository or revision.
    """
    from huggingface_hub import HfApi, get_token

    http.log_in(get_token())
    with hub_errors(name):
        commit = HfApi(endpoint=endpoints.hub).dataset_info(name, revision=revision, timeout=30).sha
    if commit is None:
        raise UnreachableError(f"{name}: the hub gives no commit for {revision}")
    print(f"fetch: {name} at commit {commit}")
    return Repository(name, commit, endpoints.hub)


@contextmanager
def hub_errors(name: str) -> Iterator[None]:
    """Turn errors of huggingface_hub into one line."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        yield
    except (HfHubHTTPError, HFValidationError, httpx2.TransportError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UnreachableError(f"{name}: cannot be read from the hub ({reason})") from None


@dataclass(frozen=True, slots=True)
class HubDataset:
    """A data set on the hub."""

    repository: str
    commit: str
    """The commit that is fetched without --revision."""
    folder: str
    """Its folder below DEST."""

    @property
    def page(self) -> str:
        """URL of the repository."""
        return f"https://huggingface.co/datasets/{self.repository}"


@dataclass(frozen=True, slots=True)
class LeRobot(HubDataset):
    """A LeRobot set with one file per episode and camera (codebase v2), fetched file by file."""

    def plan(self, request: Request, endpoints: Endpoints, http: HttpClient) -> Plan:
        """Plan the files that are missing; arguments and errors as for `plan.Source.plan`."""
        repository = resolve_commit(
            self.repository, request.revision or self.commit, endpoints, http
        )
        root = request.dest / self.folder
        needed = [
            file
            for file in _files_of(repository, request.episodes)
            if not is_complete(root / file.name, file.size)
        ]
        return Plan(
            files=[(file.name, file.size) for file in needed],
            space=sum(file.size - bytes_present(root / file.name) for file in needed),
            run=lambda advance: _download_all(needed, root, http, advance),
            revision=repository.commit,
        )


def _files_of(repository: Repository, episodes: int | None) -> list[Remote]:
    folders = ["meta", "data", "videos"]
    if episodes is not None:
        chunks = range(-(-episodes // PER_CHUNK))
        folders = ["meta", *(f"{kind}/chunk-{c:03d}" for kind in folders[1:] for c in chunks)]
    files = [file for folder in folders for file in repository.files(folder)]
    return [file for file in files if episodes is None or _episode_index(file.name) < episodes]


def _episode_index(name: str) -> int:
    """Index of the episode in a file name; 0 for tables, which every episode needs."""
    match = EPISODE.search(name)
    return int(match[1]) if match else 0


def _download_all(files: Sequence[Remote], root: Path, http: HttpClient, advance: Advance) -> None:
    pool = ThreadPoolExecutor(CONCURRENT)
    try:
        for _ in pool.map(
            lambda file: http.download(file, target(root, file.name), advance), files
        ):
            pass
    finally:
        pool.shutdown(cancel_futures=True)
