"""Outputs appear whole or not at all; errors have the exit codes that users script against."""

import json
import math
import os
import subprocess
import sys
import time

import pytest
from helpers import ROOT

from pipeline import stage
from pipeline.errors import DataError


def test_an_output_appears_when_the_block_ends(tmp_path):
    with stage.output(tmp_path / "deep" / "out") as partial:
        partial.mkdir()
        (partial / "file").write_text("content")
        assert not (tmp_path / "deep" / "out").exists()
    assert (tmp_path / "deep" / "out" / "file").read_text() == "content"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_what_the_machine_refuses_is_one_line_that_names_the_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["stage"])
    (tmp_path / "file").touch()

    def write():
        stage.write_json(tmp_path / "file" / "below.json", {})

    with pytest.raises(SystemExit) as ended:
        stage.main(write)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {tmp_path}/file")
    assert "; move away what is there" in said
    assert said.count("\n") == 1


def test_memory_that_is_not_there_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["stage"])

    def compute():
        raise MemoryError("Unable to allocate 7.28 TiB")

    with pytest.raises(SystemExit) as ended:
        stage.main(compute)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: memory does not suffice (Unable to allocate")


def test_a_failure_leaves_what_was_there_and_nothing_half_written(tmp_path):
    (tmp_path / "out").write_text("before")

    def fail():
        with stage.output(tmp_path / "out") as partial:
            partial.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert (tmp_path / "out").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_json_has_no_word_for_what_is_not_finite(tmp_path, value):
    stage.write_json(tmp_path / "a.json", {"known": 0.5, "unknown": None})
    assert json.loads((tmp_path / "a.json").read_text()) == {"known": 0.5, "unknown": None}
    with pytest.raises(DataError, match=r"b.json: .* has diverged, .*; lower the learning rate"):
        stage.write_json(tmp_path / "b.json", {"a": [value]})
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_what_a_killed_run_left_is_swept_away(tmp_path):
    (tmp_path / ".out.partial").mkdir()
    (tmp_path / ".out.partial" / "stale").write_text("half")
    with stage.output(tmp_path / "out") as partial:
        partial.write_text("new")
    assert (tmp_path / "out").read_text() == "new"


@pytest.mark.parametrize("making", [stage.output, stage.resumable, stage.scratch])
def test_what_another_process_is_making_is_waited_for(tmp_path, making, capfd, monkeypatch):
    """As after a signal that ended DVC alone, whose stage runs on."""
    monkeypatch.chdir(tmp_path)
    out = "out" if making is stage.scratch else tmp_path / "out"
    begun, end = os.pipe()
    pid = os.fork()
    if pid == 0:
        with making(out):
            os.write(end, b"x")
            time.sleep(0.3)
            (tmp_path / "ended").touch()
            os._exit(0)  # as if it were killed
    os.read(begun, 1)
    with making(out) as partial:
        assert (tmp_path / "ended").exists()
        stage.remove(partial)
        partial.mkdir(parents=True)
        (partial / ".identity").touch()
    os.waitpid(pid, 0)
    assert ": another process is making it; waiting" in capfd.readouterr().err
    assert not list(tmp_path.rglob("*.partial"))


def left(path, *identity):
    """What an interrupted run of an identity finds in its folder; it leaves two files more."""
    with stage.resumable(path, *identity) as partial:
        found = {file.name for file in partial.iterdir() if not file.name.startswith(".")}
        (partial / "done").write_text("kept")
        (partial / "begun.partial").write_text("half")
        raise KeyboardInterrupt(found)


def test_an_unfinished_folder_is_found_again_by_the_same_identity_alone(tmp_path):
    found = []
    for identity in (("a", "b"), ("a", "b"), ("ab",), ("a", "b")):
        with pytest.raises(KeyboardInterrupt) as caught:
            left(tmp_path / "out", *identity)
        found.append(caught.value.args[0])
        assert not (tmp_path / "out").exists()
    assert found == [set(), {"done"}, set(), set()]
    with stage.resumable(tmp_path / "out", "a", "b") as partial:
        (partial / "last").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"done", "last"}


def test_scratch_is_found_again_by_the_same_identity_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def be_killed():
        with stage.scratch("train", "a") as folder:
            folder.mkdir(parents=True)
            (folder / "state").write_text("kept")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        be_killed()
    with stage.scratch("train", "b") as other:
        assert not other.exists()
    with stage.scratch("train", "a") as again:
        assert (again / "state").read_text() == "kept"
    assert not again.exists()


def test_the_time_taken_is_recorded_and_said(tmp_path, capsys):
    with stage.timed(tmp_path / "seconds.json") as summarise:
        summarise("collect: done")
    assert 0 <= json.loads((tmp_path / "seconds.json").read_text())["seconds"] < 5
    assert capsys.readouterr().out.startswith("collect: done in 0.")
    with stage.timed(None) as summarise:
        summarise("collect: done", 10**9)
    assert capsys.readouterr().out.endswith(" frames/s\n")


SCRIPT = """
from pipeline import stage
from pipeline.errors import DataError
def command(kind: str) -> None:
    raise DataError("place: value; way out") if kind == "user" else RuntimeError("a bug")
stage.main(command)
"""


@pytest.mark.parametrize(("kind", "code"), [("user", 2), ("bug", 1)])
def test_exit_codes_and_what_is_printed(kind, code):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, kind], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    if kind == "user":
        assert done.stderr == "error: place: value; way out\n"
    else:
        assert "RuntimeError: a bug" in done.stderr
        assert "Traceback" in done.stderr
