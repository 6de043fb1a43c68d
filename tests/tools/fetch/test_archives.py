"""Archives in parts and elsewhere read as the archives they were made of."""

import io
import shutil
import subprocess
import zipfile

import numpy as np
import pytest
from fetch_helpers import split, zipped

from pipeline.download.web import HttpClient, Remote
from pipeline.errors import DataError
from pipeline.tools.fetch import members
from pipeline.tools.fetch.seekable import concatenated, remote_file
from pipeline.tools.fetch.split_zip import merge_parts

RNG = np.random.default_rng(0)
FILES = {f"deformable/rope/{n:06d}/obses.pth": RNG.bytes(3000 + n) for n in range(12)}


def opened(parts):
    return zipfile.ZipFile(
        merge_parts([io.BytesIO(part) for part in parts], [len(part) for part in parts], "d.zip")
    )


@pytest.mark.parametrize("size", [700, 3000, 10_000])
def test_a_split_archive_reads_as_what_was_packed(size):
    parts = split(zipped(FILES), size)
    assert len(parts) > 3
    with opened(parts) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == FILES


def test_joining_parts_without_mending_places_would_not_do():
    parts = split(zipped(FILES), 3000)
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
        assert archive.testzip() is not None


@pytest.mark.skipif(shutil.which("zip") is None, reason="no zip program to compare with")
@pytest.mark.parametrize("sizes64", [[], ["-fz"]], ids=["32 bits", "64 bits"])
def test_what_the_zip_program_splits_reads_as_what_was_packed(sizes64, tmp_path):
    files = {name: content * 8 for name, content in FILES.items()}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(content)
    command = ["zip", "-q", "-r", "-D", *sizes64, "-s", "64k", "d.zip", "deformable"]
    subprocess.run(command, cwd=tmp_path, check=True)
    paths = sorted(tmp_path.glob("d.z*"), key=lambda path: (path.suffix == ".zip", path.suffix))
    with opened([path.read_bytes() for path in paths]) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files


def test_missing_parts_are_counted():
    parts = split(zipped(FILES), 3000)
    with pytest.raises(DataError, match=rf"has {len(parts)} parts, but {len(parts) - 1} are"):
        opened(parts[1:])


@pytest.mark.parametrize("end", [b"", b"no archive at all"])
def test_parts_of_something_else_are_refused(end):
    with pytest.raises(DataError, match="not a split zip archive"):
        opened([b"abc", end])


def test_pieces_are_one_file_wherever_it_is_read():
    pieces = [b"abc", b"", b"defgh", b"i"]
    file = concatenated([io.BytesIO(piece) for piece in pieces], [len(piece) for piece in pieces])
    assert file.read() == b"abcdefghi"
    for start in range(10):
        for length in range(10):
            file.seek(start)
            assert file.read(length) == b"abcdefghi"[start : start + length]
    file.seek(-2, 2)
    assert file.read() == b"hi"


def test_a_file_on_a_server_is_downloaded_only_where_it_is_read(server):
    content = RNG.bytes(1 << 20)
    server.files["/get/a"] = content
    with HttpClient(delay=0) as http:
        file = remote_file(Remote("a", f"{server.url}/get/a", len(content), None), http)
        file.seek(600_000)
        assert file.read(100) == content[600_000:600_100]
        assert server.requests == [("/get/a", f"bytes=600000-{600_000 + (1 << 16) - 1}")]
        file.seek(0)
        assert file.read() == content
    assert len(server.requests) < 8


@pytest.mark.parametrize("name", ["wall_single/../../evil", "/tmp/evil", "wall_single/../../x/y"])
def test_no_member_leaves_the_folder(name, tmp_path):
    with pytest.raises(DataError, match="leads out of"):
        members.target(tmp_path / "dest", name)


def test_a_damaged_member_is_named_and_not_written(tmp_path):
    content = zipped({"wall_single/a.pth": b"a" * 100, "wall_single/b.pth": RNG.bytes(100)})
    at = content.index(b"b.pth") + 20
    content = content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :]
    with members.open_zip(io.BytesIO(content), "w.zip") as archive:
        found = members.members_of(archive, "wall_single", None)
        with pytest.raises(DataError, match=r"w\.zip: wall_single/b\.pth: damaged"):
            members.extract(archive, found, tmp_path, lambda _: None)
    assert not (tmp_path / "wall_single" / "b.pth").exists()


def test_a_link_in_an_archive_becomes_a_plain_file(tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as writer:
        link = zipfile.ZipInfo("wall_single/link")
        link.external_attr = 0o120777 << 16
        writer.writestr(link, "/etc/passwd")
    with members.open_zip(content, "w.zip") as archive:
        found = members.members_of(archive, "wall_single", None)
        members.extract(archive, found, tmp_path, lambda _: None)
    assert not (tmp_path / "wall_single" / "link").is_symlink()
    assert (tmp_path / "wall_single" / "link").read_text() == "/etc/passwd"
