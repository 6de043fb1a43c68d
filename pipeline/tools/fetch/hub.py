"""Data sets on the Hugging Face Hub, fetched at the commit that a revision resolves to."""

import re
from dataclasses import dataclass

from pipeline.download.repository import (
    Repository,
    download_all,
    is_complete,
    resolve_commit,
)
from pipeline.download.web import HttpClient, Remote, bytes_present
from pipeline.tools.fetch.plan import Endpoints, Plan, Request

PER_CHUNK = 1000
EPISODE = re.compile(r"episode_(\d{6})\.(?:parquet|mp4)$")


def announced(name: str, revision: str, endpoints: Endpoints, http: HttpClient) -> Repository:
    """A repository at the commit of a revision; the commit is printed.

    Raises:
        UnreachableError: the hub does not answer, or has no such repository or revision.
    """
    repository = resolve_commit(name, revision, endpoints.hub, http)
    print(f"fetch: {name} at commit {repository.commit}")
    return repository


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
        repository = announced(self.repository, request.revision or self.commit, endpoints, http)
        root = request.dest / self.folder
        needed = [
            file
            for file in _files_of(repository, request.episodes)
            if not is_complete(root / file.name, file.size)
        ]
        return Plan(
            files=[(file.name, file.size) for file in needed],
            space=sum(file.size - bytes_present(root / file.name) for file in needed),
            run=lambda advance: download_all(needed, root, http, advance),
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
