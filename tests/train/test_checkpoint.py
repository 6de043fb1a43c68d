"""A state is written whole or not at all, and a run never resumes from a damaged one."""

import errno
import subprocess

import pytest
import torch
from train_helpers import assert_same, run, trainer

from pipeline.errors import DataError
from pipeline.train import checkpoint as module
from pipeline.train.checkpoint import Checkpoint


def state(number):
    return {"a": torch.full((3, 4), float(number)), "b": torch.tensor(number)}


@pytest.fixture
def states(tmp_path):
    checkpoint = Checkpoint(tmp_path, keep_every=4)
    for step in (2, 4, 6, 8, 10, 12, 14):
        checkpoint.write(state(step), step)
    return checkpoint


def test_the_last_two_and_the_permanent_states_are_there(states):
    names = sorted(path.name for path in states.folder.iterdir())
    permanent = [f"step_{step:08}.safetensors" for step in (4, 8, 12)]
    assert names == ["latest.safetensors", "previous.safetensors", *permanent]
    assert int(states.read()["b"]) == 14


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def flip(path):
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


def folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [cut, flip, empty, folder])
def test_the_newest_intact_state_is_read(states, damage):
    for path, expected in (
        (states.latest, 12),
        (states.folder / "step_00000012.safetensors", 10),
        (states.previous, 8),
    ):
        damage(path)
        reopened = Checkpoint(states.folder)
        assert int(reopened.read()["b"]) == expected
        assert path in reopened.damaged
    for step in (4, 8):
        damage(states.folder / f"step_{step:08}.safetensors")
    assert Checkpoint(states.folder).read() is None


def test_a_state_that_the_disk_cannot_read_is_skipped(states, monkeypatch):
    opened = module.safe_open

    def broken(path, *arguments):
        if path == states.latest:
            raise OSError(errno.EIO, "Input/output error")
        return opened(path, *arguments)

    monkeypatch.setattr(module, "safe_open", broken)
    assert int(states.read()["b"]) == 12
    assert states.damaged == [states.latest]


@pytest.mark.parametrize("damage", [cut, folder])
def test_a_damaged_state_never_replaces_an_intact_one(states, damage):
    damage(states.latest)
    reopened = Checkpoint(states.folder)
    reopened.read()
    reopened.write(state(13), 13)
    assert int(module._read(reopened.previous)["b"]) == 10
    reopened.write(state(14), 14)
    assert int(module._read(reopened.previous)["b"]) == 13
    assert int(reopened.read()["b"]) == 14


@pytest.mark.parametrize("damage", [cut, flip, folder])
def test_a_run_resumes_from_the_state_before_a_damaged_one(cache, tmp_path, damage, capsys):
    whole = run(trainer(cache), tmp_path / "whole")
    run(trainer(cache), tmp_path / "cut", 11)
    damage(tmp_path / "cut" / "latest.safetensors")
    resumed = trainer(cache)
    resumed.fit(tmp_path / "cut")
    assert resumed.resumed_from == 5
    assert "latest.safetensors is damaged, ignored" in capsys.readouterr().out
    assert_same(whole, resumed)


def no_room(*arguments):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_one_line_and_leaves_the_state_before(cache, tmp_path, monkeypatch):
    whole = run(trainer(cache), tmp_path / "whole")
    with monkeypatch.context() as patched:
        written = []
        save = module.save_file

        def twice(*arguments):
            return no_room() if len(written) == 1 else written.append(save(*arguments))

        patched.setattr(module, "save_file", twice)
        with pytest.raises(DataError, match=r"latest.safetensors: the disk is full, .* make room"):
            run(trainer(cache), tmp_path / "cut")
    assert [path.name for path in (tmp_path / "cut").iterdir()] == ["latest.safetensors"]
    resumed = trainer(cache)
    resumed.fit(tmp_path / "cut")
    assert resumed.resumed_from == 5
    assert_same(whole, resumed)


def test_safetensors_error_for_a_full_disk_is_recognised(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount a small disk")
    try:
        checkpoint = Checkpoint(disk)
        checkpoint.write(state(1), 1)
        with pytest.raises(DataError, match="the disk is full"):
            checkpoint.write({"a": torch.zeros(100_000)}, 2)
        assert int(Checkpoint(disk).read()["b"]) == 1
    finally:
        subprocess.run(["umount", disk], check=True)
