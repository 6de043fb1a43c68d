"""What a process of the stage leaves behind, however it ends."""

import errno
from pathlib import Path

import pytest
import yaml
from helpers import PARAMS

from pipeline.diffusion.world_model import WorldModel
from pipeline.errors import DataError, RunError
from pipeline.train import worker as module
from pipeline.train.checkpoint import Checkpoint
from pipeline.train.worker import Paths, work

STEPS = 3
OUTPUTS = ["model/model.safetensors", "curve.csv", "validation.csv", "samples.png", "train.json"]


@pytest.fixture
def paths(folder_of_latents, tmp_path, monkeypatch):
    """A folder of its own to train in, too short for a state on the way."""
    monkeypatch.chdir(tmp_path)
    validation = {"every": 2, "clips": 4, "strips": 1, "sampling_steps": 1}
    train = {"interval": 2, "steps": STEPS, "batch": 4, "save_every": 100, "validation": validation}
    values = {**PARAMS, "train": {**PARAMS["train"], **train}}
    size = {"width": 32, "depth": 2, "heads": 2}
    values["denoisers"] = {"nanowm": {**PARAMS["denoisers"]["nanowm"], "size": size}}
    Path("params.yaml").write_text(yaml.safe_dump(values))
    inputs = (folder_of_latents / "latents.zarr", folder_of_latents / "codec")
    names = ("model", "train.json", "curve.csv", "levels.csv", "validation.csv", "samples.png")
    return Paths(*inputs, *map(Path, names), Path("params.yaml"), None, None)


def made():
    return {name: Path(name).read_bytes() for name in OUTPUTS}


def states():
    return [Checkpoint(folder).read() for folder in Path(".scratch").glob("train-*")]


def test_a_model_that_finds_no_room_is_made_of_its_last_state(paths, monkeypatch, capsys):
    work(paths)
    whole = made()
    assert states() == []
    paths.curve.unlink()

    def no_room(*_):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    with monkeypatch.context() as patched:
        patched.setattr(WorldModel, "save_pretrained", no_room)
        with pytest.raises(DataError, match=r"^model: the disk is full, .* the last state is"):
            work(paths)
    assert not paths.curve.exists()
    assert [len(state["curve"]) for state in states()] == [STEPS]
    capsys.readouterr()
    work(paths)
    assert f"train: resuming after step {STEPS} of {STEPS}" in capsys.readouterr().out
    assert made() == whole
    assert states() == []


def test_a_last_state_that_finds_no_room_does_not_keep_the_model_from_being_written(
    paths, monkeypatch, capsys
):
    def no_room(*_):
        raise DataError("latest: the disk is full")

    monkeypatch.setattr(Checkpoint, "write", no_room)
    work(paths)
    assert (
        "writing the model without a last state (latest: the disk is full)"
        in capsys.readouterr().out
    )
    assert paths.out.is_dir()


GLOO = "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:537] Read error: Connection reset"


def test_a_process_that_loses_another_says_so_in_one_line(paths, monkeypatch):
    def lose(*_):
        raise RuntimeError(GLOO)

    monkeypatch.setattr(module, "_train", lose)
    with pytest.raises(
        RunError, match=r"^process 0 of 1 lost contact with another one, .* run again"
    ):
        work(paths)


def test_our_own_errors_are_not_taken_for_that(paths, monkeypatch):
    def fail(*_):
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr(module, "_train", fail)
    with pytest.raises(RuntimeError, match="shapes"):
        work(paths)
