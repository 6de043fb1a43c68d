"""Counter-Strike recordings: tar archives of 200 HDF5 files each, in a repository on the hub."""

import re
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from pipeline.download.repository import is_complete
from pipeline.download.web import Advance, HttpClient, Remote, bytes_present
from pipeline.errors import DataError
from pipeline.files.content import parsing
from pipeline.files.tar import REGULAR, members
from pipeline.formats.csgo import lists as _csgo_lists
from pipeline.tools.fetch.hub import HubDataset, announced
from pipeline.tools.fetch.members import write
from pipeline.tools.fetch.plan import Endpoints, Plan, Request
from pipeline.tools.fetch.seekable import remote_file

ARCHIVE = re.compile(r"hdf5_dm_july2021_(\d+)_to_(\d+)\.tar")


@dataclass(frozen=True, slots=True)
class _Tar:
    """Recordings `first` to `last`, extracted into the folder `first-last`."""

    first: int
    last: int
    remote: Remote

    def path(self, root: Path, number: int) -> Path:
        return root / f"{self.first}-{self.last}" / _csgo_lists.name(number)

    def is_extracted(self, root: Path) -> bool:
        return all(self.path(root, n).is_file() for n in range(self.first, self.last + 1))


@dataclass(frozen=True, slots=True)
class CsgoTars(HubDataset):
    """The deathmatch recordings that DIAMOND and NanoWM train on, in their folders."""

    def plan(self, request: Request, endpoints: Endpoints, http: HttpClient) -> Plan:
        """Plan the missing recordings; `request.episodes` counts from the lowest number.

        Arguments and errors are those of `plan.Source.plan`.
        """
        repository = announced(self.repository, request.revision or self.commit, endpoints, http)
        tars = _tars(repository.files(recursive=False))
        if not tars:
            raise DataError(f"{self.page}: has no hdf5_dm_july2021_*.tar; name another --revision")
        root = request.dest / self.folder
        if request.episodes is None:
            return _plan_archives(tars, root, http, repository.commit)
        return _plan_recordings(tars, request.episodes, root, http, repository.commit)


def _tars(files: Sequence[Remote]) -> list[_Tar]:
    matches = [(ARCHIVE.fullmatch(file.name), file) for file in files]
    tars = [_Tar(int(match[1]), int(match[2]), file) for match, file in matches if match]
    return sorted(tars, key=lambda tar: tar.first)


def _plan_archives(tars: Sequence[_Tar], root: Path, http: HttpClient, commit: str) -> Plan:
    """One archive after the other: download, verify the checksum, extract, delete."""
    needed = [tar for tar in tars if not tar.is_extracted(root)]

    def run(advance: Advance) -> None:
        for tar in needed:
            path = root / tar.remote.name
            if not is_complete(path, tar.remote.size):
                http.download(tar.remote, path, advance)
            with path.open("rb") as stream:
                for recording in _recordings(tar, stream, root):
                    recording.write()
            path.unlink()

    sizes = [tar.remote.size for tar in needed]
    present = sum(bytes_present(root / tar.remote.name) for tar in needed)
    return Plan(
        files=[
            (tar.remote.name, tar.remote.size)
            for tar in needed
            if not is_complete(root / tar.remote.name, tar.remote.size)
        ],
        space=sum(sizes) + max(sizes, default=0) - present,
        run=run,
        revision=commit,
    )


def _plan_recordings(
    tars: Sequence[_Tar], count: int, root: Path, http: HttpClient, commit: str
) -> Plan:
    """Only the first recordings, by range requests into the archives on the server."""
    selected: list[_Recording] = []
    for tar in tars:
        if len(selected) < count:
            recordings = _recordings(tar, remote_file(tar.remote, http), root)
            selected += recordings[: count - len(selected)]
    needed = [recording for recording in selected if not recording.is_complete()]

    def run(advance: Advance) -> None:
        for recording in needed:
            recording.write()
            advance(recording.member.size)

    return Plan(
        files=[(recording.path.name, recording.member.size) for recording in needed],
        space=sum(recording.member.size for recording in needed),
        run=run,
        revision=commit,
    )


@dataclass(frozen=True, slots=True)
class _Recording:
    """A member of a tar, and the path it is extracted to."""

    archive: tarfile.TarFile
    member: tarfile.TarInfo
    path: Path

    def is_complete(self) -> bool:
        return is_complete(self.path, self.member.size)

    def write(self) -> None:
        if self.is_complete():
            return
        stream = self.archive.extractfile(self.member)
        assert stream is not None, "only regular files are selected"
        with stream:
            write(stream, self.path)


def _recordings(tar: _Tar, stream: IO[bytes], root: Path) -> list[_Recording]:
    """The recordings in a tar, sorted by number; other members are ignored."""
    with parsing(tar.remote.name, "delete it and fetch it again", "not a tar archive"):
        archive = tarfile.TarFile(fileobj=stream)
        selected = {
            number: member
            for member in members(archive)
            if member.type in REGULAR
            and (number := _csgo_lists.number(PurePosixPath(member.name).name))
        }
    return [_Recording(archive, selected[n], tar.path(root, n)) for n in sorted(selected)]
