"""Counter-Strike's recordings: tar archives of 200 HDF5 files each, in a repository on the hub."""

import re
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from pipeline.datasets.csgo import lists as _csgo_lists
from pipeline.errors import DataError
from pipeline.tools.fetch.hub import OnHub, resolved
from pipeline.tools.fetch.members import holds, write
from pipeline.tools.fetch.plan import Places, Plan, Wanted
from pipeline.tools.fetch.seekable import remote_file
from pipeline.tools.fetch.web import Advance, Remote, Web, begun

ARCHIVE = re.compile(r"hdf5_dm_july2021_(\d+)_to_(\d+)\.tar")


@dataclass(frozen=True, slots=True)
class _Tar:
    """Recordings `first` to `last`; they are put into the folder `first-last`."""

    first: int
    last: int
    remote: Remote

    def place(self, root: Path, number: int) -> Path:
        return root / f"{self.first}-{self.last}" / _csgo_lists.name(number)

    def unpacked(self, root: Path) -> bool:
        return all(self.place(root, n).is_file() for n in range(self.first, self.last + 1))


@dataclass(frozen=True, slots=True)
class Recordings(OnHub):
    """The deathmatch recordings that DIAMOND and NanoWM train on, in their folders."""

    def plan(self, wanted: Wanted, places: Places, web: Web) -> Plan:
        """See `plan.Source`; episodes are the recordings of the lowest numbers."""
        repository = resolved(self.repository, wanted.revision or self.commit, places, web)
        tars = _tars(repository.files(recursive=False))
        if not tars:
            raise DataError(f"{self.page}: lists no hdf5_dm_july2021_*.tar; look at it")
        root = wanted.dest / self.folder
        if wanted.episodes is None:
            return _whole(tars, root, web, repository.commit)
        return _first(tars, wanted.episodes, root, web, repository.commit)


def _tars(files: Sequence[Remote]) -> list[_Tar]:
    found = [(ARCHIVE.fullmatch(file.name), file) for file in files]
    tars = [_Tar(int(name[1]), int(name[2]), file) for name, file in found if name]
    return sorted(tars, key=lambda tar: tar.first)


def _whole(tars: Sequence[_Tar], root: Path, web: Web, commit: str) -> Plan:
    """One archive after the other: downloaded, held against its checksum, unpacked, deleted."""
    needed = [tar for tar in tars if not tar.unpacked(root)]

    def run(advance: Advance) -> None:
        for tar in needed:
            path = root / tar.remote.name
            if not holds(path, tar.remote.size):
                web.download(tar.remote, path, advance)
            with path.open("rb") as stream:
                for recording in _recordings(tar, stream, root):
                    recording.write()
            path.unlink()

    sizes = [tar.remote.size for tar in needed]
    here = sum(begun(root / tar.remote.name) for tar in needed)
    return Plan(
        files=[
            (tar.remote.name, tar.remote.size)
            for tar in needed
            if not holds(root / tar.remote.name, tar.remote.size)
        ],
        space=sum(sizes) + max(sizes, default=0) - here,
        run=run,
        revision=commit,
    )


def _first(tars: Sequence[_Tar], count: int, root: Path, web: Web, commit: str) -> Plan:
    """The first recordings alone, out of the middle of the archives on the server."""
    wanted: list[_Recording] = []
    for tar in tars:
        if len(wanted) < count:
            recordings = _recordings(tar, remote_file(tar.remote, web), root)
            wanted += recordings[: count - len(wanted)]
    needed = [recording for recording in wanted if not recording.here()]

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
    """A file in a tar, and where it goes."""

    archive: tarfile.TarFile
    member: tarfile.TarInfo
    path: Path

    def here(self) -> bool:
        return holds(self.path, self.member.size)

    def write(self) -> None:
        if self.here():
            return
        stream = self.archive.extractfile(self.member)
        assert stream is not None, "members that are no files were left out"
        with stream:
            write(stream, self.path)


def _recordings(tar: _Tar, stream: IO[bytes], root: Path) -> list[_Recording]:
    """The recordings in a tar by their numbers; whatever else it holds is left where it is."""
    try:
        archive = tarfile.TarFile(fileobj=stream)
        found = {
            number: member
            for member in archive
            if member.isreg() and (number := _csgo_lists.number(PurePosixPath(member.name).name))
        }
    except tarfile.TarError as error:
        raise DataError(f"{tar.remote.name}: is no tar archive ({error}); fetch it again") from None
    return [_Recording(archive, found[n], tar.place(root, n)) for n in sorted(found)]
