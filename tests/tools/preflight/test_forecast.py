"""`wm preflight` answers before anything runs, with a cache or without one."""

import pytest
import yaml
from helpers import PARAMS
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.errors import ParamsError


@pytest.fixture
def wm(tmp_path):
    """Run it with some train options changed."""

    def run(*arguments, **train):
        file = tmp_path / "params.yaml"
        file.write_text(yaml.safe_dump({**PARAMS, "train": {**PARAMS["train"], **train}}))
        return CliRunner().invoke(app, ["preflight", "--params", str(file), *arguments])

    return run


def test_it_answers_for_a_cache(wm, folder_of_latents):
    line = wm(str(folder_of_latents / "latents.zarr"), "--memory", "8").output
    assert line.startswith("train: 1.1 M parameters, ")
    assert "micro-batches of 16 clips in bfloat16 need 0.0" in line
    assert "of 8 GB: weights" in line


def test_it_answers_before_there_is_one_and_for_this_machine(wm):
    line = wm("--latent", "4x16x16", "--action-dim", "2", batch=4, precision="float32").output
    assert "micro-batches of 4 clips in float32 need" in line


@pytest.mark.parametrize("memory", ["0", "-8", "inf", "nan", "1e300"])
def test_what_is_no_size_of_a_gpu_is_refused(wm, memory):
    done = wm("--memory", memory)
    assert isinstance(done.exception, ParamsError)
    assert str(done.exception).startswith(f"--memory {float(memory)}: not a memory size; give")


def test_what_does_not_fit_is_the_users_to_mend(wm):
    done = wm("--memory", "0.2", batch=8)
    assert isinstance(done.exception, ParamsError)
    assert "the device has 0.2 GB; train.accumulation: " in str(done.exception)
