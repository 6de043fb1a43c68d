"""What a JSON file may not hold is told in one line: the file, the place in it, and a way out."""

import json

import pytest

from pipeline.errors import DataError, MachineError
from pipeline.files.content import read_text
from pipeline.files.json_model import FileModel, read_json
from pipeline.files.names import FileName, InnerPath


class Part(FileModel):
    """A part with a number."""

    share: float


class Whole(FileModel):
    """One field of every kind."""

    count: int = 1
    name: InnerPath = "a/b"
    shard: FileName = "a"
    parts: tuple[Part, ...] = ()


def told(path, model=Whole):
    with pytest.raises(DataError) as caught:
        read_json(path, model, "make it again")
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "Invalid JSON"),
        (bytes(64), "Invalid JSON"),
        (b'{"count": ', "Invalid JSON"),
        (b"\xff{}", "Invalid JSON"),
        (b"[" * 100_000, "Invalid JSON"),
        (b'{"parts": ' + b"[" * 100_000, "Invalid JSON"),
        (b"[]", "Input should be an object"),
        (b"null", "Input should be an object"),
        (b'{"count": true}', "count = True: Input should be a valid integer"),
        (b'{"count": "1"}', "count = '1': Input should be a valid integer"),
        (b'{"count": 1e400}', "count = inf: "),
        (b'{"parts": [{"share": NaN}]}', "parts.0.share = nan: Input should be a finite number"),
        (b'{"parts": [{"share": 1e400}]}', "parts.0.share = inf: "),
        (b'{"parts": [{}]}', "parts.0.share: Field required"),
        (b'{"name": "../b"}', "name = '../b': leads out of its folder"),
        (b'{"name": "/b"}', "name = '/b': leads out of its folder"),
        (b'{"name": "a\\u0000"}', "name = 'a\\x00': leads out of its folder"),
        (b'{"name": ""}', "name = '': leads out of its folder"),
        (b'{"shard": "a/b"}', "shard = 'a/b': is not the name of a file"),
    ],
    ids=lambda value: value[:30] if isinstance(value, bytes) else "",
)
def test_damaged_json_is_told_in_one_line(tmp_path, content, problem):
    path = tmp_path / "whole.json"
    path.write_bytes(content)
    line = told(path)
    assert line.startswith(f"{path}: damaged ({problem}")
    assert line.endswith("; make it again")
    assert line.isprintable()
    assert len(line) < 400


def test_what_is_whole_is_read(tmp_path):
    path = tmp_path / "whole.json"
    path.write_text(json.dumps({"count": 2**70, "parts": [{"share": 1}]}))
    assert read_json(path, Whole, "") == Whole(count=2**70, parts=(Part(share=1.0),))


def test_a_path_that_is_no_readable_file_is_told_in_one_line(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "file").touch()
    (tmp_path / "latin").write_bytes("one\ntwo \xe9".encode("latin-1"))
    with (tmp_path / "huge").open("wb") as sparse:
        sparse.truncate(2**40)
    assert "folder: is no file; make it again" in told(tmp_path / "folder")
    assert "link: no such file; make it again" in told(tmp_path / "link")
    assert "below: no such file; make it again" in told(tmp_path / "file" / "below")
    assert "huge: damaged (1,099,511,627,776 bytes, where at most" in told(tmp_path / "huge")
    with pytest.raises(DataError, match=r"latin: line 2 is not UTF-8 \(byte 0xe9\); save it"):
        read_text(tmp_path / "latin", "save it")


def test_a_file_that_may_not_be_read_is_told_in_one_line(tmp_path, monkeypatch):
    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "whole.json").write_text("{}")
    monkeypatch.setattr("pathlib.Path.read_bytes", refused)
    with pytest.raises(MachineError, match=r"whole.json: permission denied; grant yourself access"):
        read_json(tmp_path / "whole.json", Whole, "make it again")
