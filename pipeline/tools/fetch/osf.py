"""Data sets in zip archives on the Open Science Framework; DINO-WM's project is bmw48."""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2

from pipeline.download.disk import require_space
from pipeline.download.repository import is_complete
from pipeline.download.web import Advance, HttpClient, NoRangesError, Remote, bytes_present
from pipeline.errors import DataError, ParamsError
from pipeline.files.content import parsing
from pipeline.tools.fetch import members
from pipeline.tools.fetch.plan import FEWER, Endpoints, Plan, Request
from pipeline.tools.fetch.seekable import remote_file
from pipeline.tools.fetch.split_zip import merge_parts

PROJECT = "bmw48"
VIEW = {"view_only": "a56a296ce3b24cceaf408383a175ce28"}
"""Part of the URL under which DINO-WM's authors publish the project; no secret."""


@dataclass(frozen=True, slots=True)
class OsfZip:
    """A data set in an archive of the project."""

    archive: str
    """Its name without .zip; it may be split into parts."""
    folder: str
    """The folder of the data set in the archive, and below DEST."""
    shared: bool = False
    """Whether the archive holds other data sets too: then only members of this one are fetched."""

    @property
    def page(self) -> str:
        """URL of the project."""
        return f"https://osf.io/{PROJECT}/?view_only={VIEW['view_only']}"

    def plan(self, request: Request, endpoints: Endpoints, http: HttpClient) -> Plan:
        """Plan one download of the archive, or of the members that are missing.

        Arguments and errors are those of `plan.Source.plan`.
        """
        dest = request.dest
        if request.revision is not None:
            raise ParamsError(
                f"--revision = {request.revision}: {self.page} has no revisions; leave it out"
            )
        parts = _parts(self.archive, list_files(endpoints.osf, http))
        whole_archive = len(parts) == 1 and not self.shared and request.episodes is None
        if whole_archive and bytes_present(dest / parts[0].name):
            return self._plan_archive(parts[0], 0, dest, http)
        try:
            archive = _open_remote(parts, http)
        except NoRangesError:
            if not whole_archive:
                raise
            return self._plan_archive(parts[0], 0, dest, http)
        files = members.members_of(archive, self.folder, request.episodes)
        needed = members.missing(dest, files)
        unpacked = sum(member.file_size for member in needed)
        if whole_archive and len(needed) == len(files):
            return self._plan_archive(parts[0], unpacked, dest, http)
        if request.episodes is not None:
            print(
                f"fetch: the tables of {self.folder} list all episodes; with ingest.on_error: skip "
                "ingest leaves out those that are not fetched"
            )
        return Plan(
            files=[(member.filename, member.compress_size) for member in needed],
            space=unpacked,
            run=lambda advance: members.extract(archive, needed, dest, advance),
        )

    def _plan_archive(self, remote: Remote, unpacked: int, dest: Path, http: HttpClient) -> Plan:
        """Download the archive, verify its checksum, extract it, delete it."""
        path = dest / remote.name

        def run(advance: Advance) -> None:
            if not is_complete(path, remote.size):
                http.download(remote, path, advance)
            with members.open_zip(path, remote.name) as archive:
                needed = members.missing(dest, members.members_of(archive, self.folder, None))
                require_space(dest, sum(member.file_size for member in needed), FEWER)
                members.extract(archive, needed, dest, lambda _: None)
            path.unlink()

        files = [] if is_complete(path, remote.size) else [(remote.name, remote.size)]
        return Plan(files, remote.size - bytes_present(path) + unpacked, run)


def list_files(api: str, http: HttpClient) -> list[Remote]:
    """All files of the project.

    Raises:
        UnreachableError: the server does not answer.
    """
    return list(_files(f"{api}/nodes/{PROJECT}/files/osfstorage/", http))


def _files(folder: str, http: HttpClient) -> Iterator[Remote]:
    url: str | None = folder
    while url:
        page = http.json(_with_view_key(url))
        with parsing(url, "try again later", "no listing of files"):
            for item in page["data"]:
                attributes = item["attributes"]
                if attributes["kind"] == "folder":
                    inner = item["relationships"]["files"]["links"]["related"]["href"]
                    yield from _files(inner, http)
                else:
                    checksum = attributes["extra"]["hashes"].get("sha256")
                    url_of = _with_view_key(item["links"]["download"])
                    yield Remote(attributes["name"], url_of, attributes["size"], checksum)
            url = page["links"].get("next")


def _with_view_key(url: str) -> str:
    return str(httpx2.URL(url).copy_merge_params(VIEW))


def _parts(archive: str, listing: list[Remote]) -> list[Remote]:
    """The parts of an archive in order, the .zip last."""
    name = re.compile(rf"{re.escape(archive)}\.z(ip|\d+)")
    parts = {match[1]: file for file in listing if (match := name.fullmatch(file.name))}
    if "ip" not in parts:
        raise DataError(
            f"OSF project {PROJECT} lists no {archive}.zip; see https://osf.io/{PROJECT}"
        )
    last = parts.pop("ip")
    return [*(parts[number] for number in sorted(parts, key=int)), last]


def _open_remote(parts: list[Remote], http: HttpClient) -> zipfile.ZipFile:
    """Open an archive on the server; only the ranges that are read are downloaded."""
    files = [remote_file(part, http) for part in parts]
    name = parts[-1].name
    file = files[0] if len(parts) == 1 else merge_parts(files, [part.size for part in parts], name)
    return members.open_zip(file, name)
