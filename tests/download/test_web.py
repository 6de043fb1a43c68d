"""What a download promises: whole or not at all, checked, and going on where it stopped."""

import hashlib

import pytest

from pipeline.download.web import ATTEMPTS, HttpClient, NoRangesError, Remote, UnreachableError
from pipeline.errors import DataError

CONTENT = bytes(range(256)) * 400


@pytest.fixture
def remote(server):
    server.files["/get/a.bin"] = CONTENT
    checksum = hashlib.sha256(CONTENT).hexdigest()
    return Remote("a.bin", f"{server.url}/get/a.bin", len(CONTENT), checksum)


@pytest.fixture
def http():
    with HttpClient(delay=0) as http:
        yield http


class Count:
    def __init__(self):
        self.bytes = 0

    def __call__(self, count):
        self.bytes += count


def test_a_file_arrives_whole_and_its_bytes_are_counted(http, remote, tmp_path):
    count = Count()
    http.download(remote, tmp_path / "deep" / "a.bin", count)
    assert (tmp_path / "deep" / "a.bin").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.bin"]
    assert count.bytes == len(CONTENT)


def test_a_cut_connection_is_gone_on_with_from_the_last_byte(server, http, remote, tmp_path):
    server.faults["/get/a.bin"] = ["cut", 503, "cut"]
    count = Count()
    http.download(remote, tmp_path / "a.bin", count)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    half = len(CONTENT) // 2
    quarter = half + half // 2
    ranges = [byte_range for _, byte_range in server.requests]
    assert ranges == [None, f"bytes={half}-", f"bytes={half}-", f"bytes={quarter}-"]
    assert count.bytes == len(CONTENT)


def test_an_interrupted_run_is_gone_on_with_by_the_next(server, http, remote, tmp_path):
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:1000])
    http.download(remote, tmp_path / "a.bin", Count())
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert [byte_range for _, byte_range in server.requests] == ["bytes=1000-"]
    assert not (tmp_path / "a.bin.part").exists()


def test_a_server_that_ignores_ranges_is_read_again_from_the_start(server, http, remote, tmp_path):
    server.ranges = False
    (tmp_path / "a.bin.part").write_bytes(b"x" * 1000)
    count = Count()
    http.download(remote, tmp_path / "a.bin", count)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert count.bytes == len(CONTENT)


def test_wrong_bytes_are_thrown_away_and_fetched_once_more(server, http, remote, tmp_path):
    server.faults["/get/a.bin"] = ["wrong"]
    count = Count()
    http.download(remote, tmp_path / "a.bin", count)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert [byte_range for _, byte_range in server.requests] == [None, None]
    assert count.bytes == len(CONTENT)


def test_wrong_bytes_twice_are_an_error_and_leave_nothing(server, http, remote, tmp_path):
    server.faults["/get/a.bin"] = ["wrong", "wrong"]
    with pytest.raises(DataError, match=r"a\.bin: downloaded twice, .* sha256") as error:
        http.download(remote, tmp_path / "a.bin", Count())
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_more_bytes_than_announced_are_wrong_bytes(server, http, remote, tmp_path):
    server.files["/get/a.bin"] = CONTENT + b"more"
    with pytest.raises(DataError, match="twice"):
        http.download(remote, tmp_path / "a.bin", Count())


def test_a_busy_server_is_given_up_in_the_end(server, http, remote, tmp_path):
    server.faults["/get/a.bin"] = [503] * ATTEMPTS
    with pytest.raises(UnreachableError, match=r"no answer in 10 attempts .*503"):
        http.download(remote, tmp_path / "a.bin", Count())
    assert len(server.requests) == ATTEMPTS


def test_a_refusal_is_not_retried(server, http, remote, tmp_path):
    server.faults["/get/a.bin"] = [403]
    with pytest.raises(UnreachableError, match="HTTP 403"):
        http.download(remote, tmp_path / "a.bin", Count())
    assert len(server.requests) == 1


def test_waits_double(monkeypatch, server, remote, tmp_path):
    waits = []
    monkeypatch.setattr("pipeline.download.web.time.sleep", waits.append)
    server.faults["/get/a.bin"] = [503, 503, 503]
    with HttpClient(delay=0.5) as http:
        http.download(remote, tmp_path / "a.bin", Count())
    assert waits == [0.5, 1.0, 2.0]


def test_an_empty_file_arrives(server, http, tmp_path):
    empty = Remote("e", f"{server.url}/get/e", 0, hashlib.sha256(b"").hexdigest())
    http.download(empty, tmp_path / "e", Count())
    assert (tmp_path / "e").read_bytes() == b""


def test_parts_of_files_survive_faults_and_need_ranges(server, http, remote):
    server.faults["/get/a.bin"] = ["cut", 503]
    assert http.read_range(remote, 300, 5000) == CONTENT[300:5300]
    server.ranges = False
    with pytest.raises(NoRangesError, match="does not support range"):
        http.read_range(remote, 0, 10)


def test_a_listing_is_retried_and_given_up_early(server, http):
    server.files["/list"] = b'{"a": 1}'
    server.faults["/list"] = [503, "cut"]
    assert http.json(f"{server.url}/list") == {"a": 1}
    server.faults["/list"] = [503] * 4
    with pytest.raises(UnreachableError, match="4 attempts"):
        http.json(f"{server.url}/list")
