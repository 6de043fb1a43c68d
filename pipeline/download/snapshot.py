"""All files of a data set on the hub at one commit, in a folder."""

from pathlib import Path

from pipeline import stage
from pipeline.download.disk import require_space
from pipeline.download.progress import progress
from pipeline.download.repository import download_all, is_complete, resolve_commit
from pipeline.download.web import HttpClient, UnreachableError, bytes_present
from pipeline.errors import DataError

DELAY = 1.0
"""Seconds before the first retry, doubled at each further one."""


def download(name: str, commit: str, folder: Path, delay: float = DELAY) -> None:
    """Download a data set to a new folder, which appears once it is complete.

    What an interrupted download has left beside the folder is gone on with. The hub is that of
    HF_ENDPOINT, else the default.

    Raises:
        DataError: the hub does not answer, has no such data set or commit, or sends other bytes;
            or the disk is too small.
    """
    try:
        with (
            HttpClient(delay) as http,
            stage.resumable(folder, name, commit) as partial,
        ):
            files = resolve_commit(name, commit, None, http).files()
            if not files:
                raise DataError(f"{name}: has no files at {commit}; correct the revision")
            missing = [f for f in files if not is_complete(partial / f.name, f.size)]
            needed = sum(f.size - bytes_present(partial / f.name) for f in missing)
            require_space(folder, needed)
            with progress(sum(f.size for f in missing), name) as advance:
                download_all(missing, partial, http, advance)
    except UnreachableError as error:
        raise DataError(
            f"{error}; run it again to resume, or download {name} at {commit} elsewhere and set "
            "root to its folder, without a revision"
        ) from None
    size = sum(f.size for f in files)
    print(f"{name} at {commit}: {len(files)} files, {size:,} bytes in {folder}")


def commit_of(name: str, revision: str = "main") -> str | None:
    """The commit that a revision of a data set is at; None if the hub does not say."""
    try:
        with HttpClient(DELAY) as http:
            return resolve_commit(name, revision, None, http).commit
    except UnreachableError:
        return None
