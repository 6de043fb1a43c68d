"""Sets in zip archives of a project on the Open Science Framework (DINO-WM's is bmw48)."""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2

from pipeline.errors import DataError, ParamsError
from pipeline.tools.fetch import members
from pipeline.tools.fetch.plan import Places, Plan, Wanted, room
from pipeline.tools.fetch.seekable import remote_file
from pipeline.tools.fetch.split_zip import whole
from pipeline.tools.fetch.web import Advance, NoRangesError, Remote, Web, begun

PROJECT = "bmw48"
VIEW = {"view_only": "a56a296ce3b24cceaf408383a175ce28"}
"""Part of the address under which DINO-WM's authors publish the project; no secret."""


@dataclass(frozen=True, slots=True)
class Zipped:
    """A set in an archive of the project."""

    archive: str
    """Its name without .zip; it may be in parts."""
    folder: str
    """The set's folder in the archive, and below DEST."""
    shared: bool = False
    """Whether the archive holds other sets too, so that only members of this one are fetched."""

    @property
    def page(self) -> str:
        """The project's page."""
        return f"https://osf.io/{PROJECT}/?view_only={VIEW['view_only']}"

    def plan(self, wanted: Wanted, places: Places, web: Web) -> Plan:
        """See `pipeline.tools.fetch.plan.Source`."""
        dest = wanted.dest
        if wanted.revision is not None:
            raise ParamsError(f"--revision = {wanted.revision}: {self.page} has none; leave it out")
        parts = _parts(self.archive, listed(places.osf, web))
        at_once = len(parts) == 1 and not self.shared and wanted.episodes is None
        if at_once and begun(dest / parts[0].name):
            return self._by_archive(parts[0], 0, dest, web)
        try:
            archive = _opened(parts, web)
        except NoRangesError:
            if not at_once:
                raise
            return self._by_archive(parts[0], 0, dest, web)
        files = members.of_set(archive, self.folder, wanted.episodes)
        needed = members.missing(dest, files)
        unpacked = sum(member.file_size for member in needed)
        if at_once and len(needed) == len(files):
            return self._by_archive(parts[0], unpacked, dest, web)
        if wanted.episodes is not None:
            print(
                f"fetch: the tables of {self.folder} list every episode; "
                "ingest.on_error: skip leaves out those that are not fetched"
            )
        return Plan(
            files=[(member.filename, member.compress_size) for member in needed],
            space=unpacked,
            run=lambda advance: members.unpack(archive, needed, dest, advance),
        )

    def _by_archive(self, remote: Remote, unpacked: int, dest: Path, web: Web) -> Plan:
        """Download the archive, hold it against its checksum, unpack it, delete it."""
        path = dest / remote.name

        def run(advance: Advance) -> None:
            if not members.holds(path, remote.size):
                web.download(remote, path, advance)
            with members.opened_zip(path, remote.name) as archive:
                needed = members.missing(dest, members.of_set(archive, self.folder, None))
                room(dest, sum(member.file_size for member in needed))
                members.unpack(archive, needed, dest, lambda _: None)
            path.unlink()

        files = [] if members.holds(path, remote.size) else [(remote.name, remote.size)]
        return Plan(files, remote.size - begun(path) + unpacked, run)


def listed(api: str, web: Web) -> list[Remote]:
    """Every file of the project.

    Raises:
        UnreachableError: the listing cannot be had.
    """
    return list(_files(f"{api}/nodes/{PROJECT}/files/osfstorage/", web))


def _files(folder: str, web: Web) -> Iterator[Remote]:
    url: str | None = folder
    while url:
        answer = web.json(_viewed(url))
        for item in answer["data"]:
            facts = item["attributes"]
            if facts["kind"] == "folder":
                yield from _files(item["relationships"]["files"]["links"]["related"]["href"], web)
            else:
                checksum = facts["extra"]["hashes"].get("sha256")
                url_of = _viewed(item["links"]["download"])
                yield Remote(facts["name"], url_of, facts["size"], checksum)
        url = answer["links"].get("next")


def _viewed(url: str) -> str:
    return str(httpx2.URL(url).copy_merge_params(VIEW))


def _parts(archive: str, listing: list[Remote]) -> list[Remote]:
    """The parts of an archive, in order, the .zip last."""
    name = re.compile(rf"{re.escape(archive)}\.z(ip|\d+)")
    found = {match[1]: file for file in listing if (match := name.fullmatch(file.name))}
    if "ip" not in found:
        raise DataError(f"OSF project {PROJECT} lists no {archive}.zip; look at its page")
    last = found.pop("ip")
    return [*(found[number] for number in sorted(found, key=int)), last]


def _opened(parts: list[Remote], web: Web) -> zipfile.ZipFile:
    """An archive on the server; only what is read of it is downloaded."""
    files = [remote_file(part, web) for part in parts]
    name = parts[-1].name
    one = files[0] if len(parts) == 1 else whole(files, [part.size for part in parts], name)
    return members.opened_zip(one, name)
