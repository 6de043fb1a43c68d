"""Repositories on the Hugging Face hub: the commit first, then exactly the files of that commit."""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2

from pipeline.tools.fetch.members import holds
from pipeline.tools.fetch.plan import Places, Plan, Wanted
from pipeline.tools.fetch.web import Advance, Remote, UnreachableError, Web, begun

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile

TOGETHER = 8
"""Downloads at a time: a LeRobot set is many small files."""
PER_CHUNK = 1000
EPISODE = re.compile(r"episode_(\d{6})\.(?:parquet|mp4)$")


@dataclass(frozen=True, slots=True)
class Repository:
    """A data set's repository at one commit."""

    name: str
    commit: str
    endpoint: str | None

    def files(self, folder: str | None = None, *, recursive: bool = True) -> list[Remote]:
        """The files below a folder, or at its top alone.

        Raises:
            UnreachableError: the hub does not list them.
        """
        from huggingface_hub import HfApi
        from huggingface_hub.hf_api import RepoFile

        with explained(self.name):
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


def resolved(name: str, revision: str, places: Places, web: Web) -> Repository:
    """A repository at the commit that a name means now; printed, to be asked for again.

    Raises:
        UnreachableError: the hub does not answer, or knows no such repository or revision.
    """
    from huggingface_hub import HfApi, get_token

    web.log_in(get_token())
    with explained(name):
        commit = HfApi(endpoint=places.hub).dataset_info(name, revision=revision, timeout=30).sha
    if commit is None:
        raise UnreachableError(f"{name}: the hub names no commit for {revision}")
    print(f"fetch: {name} at commit {commit}")
    return Repository(name, commit, places.hub)


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Say in one line why the hub could not be asked."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        yield
    except (HfHubHTTPError, HFValidationError, httpx2.TransportError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UnreachableError(f"{name}: cannot be read on the hub ({reason})") from None


@dataclass(frozen=True, slots=True)
class OnHub:
    """Where a set lies on the hub, and where it is put."""

    repository: str
    commit: str
    """The commit that is fetched unless --revision names another."""
    folder: str

    @property
    def page(self) -> str:
        """The repository's page."""
        return f"https://huggingface.co/datasets/{self.repository}"


@dataclass(frozen=True, slots=True)
class LeRobot(OnHub):
    """A LeRobot set of one file per episode (codebase v2): taken file by file."""

    def plan(self, wanted: Wanted, places: Places, web: Web) -> Plan:
        """See `pipeline.tools.fetch.plan.Source`."""
        repository = resolved(self.repository, wanted.revision or self.commit, places, web)
        root = wanted.dest / self.folder
        needed = [
            file
            for file in _of_set(repository, wanted.episodes)
            if not holds(root / file.name, file.size)
        ]
        return Plan(
            files=[(file.name, file.size) for file in needed],
            space=sum(file.size - begun(root / file.name) for file in needed),
            run=lambda advance: _together(needed, root, web, advance),
            revision=repository.commit,
        )


def _of_set(repository: Repository, episodes: int | None) -> list[Remote]:
    folders = ["meta", "data", "videos"]
    if episodes is not None:
        chunks = range(-(-episodes // PER_CHUNK))
        folders = ["meta", *(f"{kind}/chunk-{c:03d}" for kind in folders[1:] for c in chunks)]
    files = [file for folder in folders for file in repository.files(folder)]
    return [file for file in files if episodes is None or _number(file.name) < episodes]


def _number(name: str) -> int:
    """The episode's number; the tables, which have none, belong to the first."""
    found = EPISODE.search(name)
    return int(found[1]) if found else 0


def _together(files: Sequence[Remote], root: Path, web: Web, advance: Advance) -> None:
    pool = ThreadPoolExecutor(TOGETHER)
    try:
        for _ in pool.map(lambda file: web.download(file, root / file.name, advance), files):
            pass
    finally:
        pool.shutdown(cancel_futures=True)
