"""However many processes train together, they take the same steps; and they end together."""

import csv
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import yaml
from helpers import PARAMS, ROOT
from safetensors.torch import load_file

pytestmark = pytest.mark.slow

SIZE = {"width": 32, "depth": 2, "heads": 2}
QUICK = {"interval": 2, "steps": 12, "batch": 8, "warmup": 2, "save_every": 5, "ema": 0.9}
VALIDATION = {"every": 5, "clips": 4, "strips": 2, "sampling_steps": 1}
WITH_TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


class Workspace:
    """A folder to train in, with params of its own."""

    def __init__(self, folder: Path, latents: Path, **train: object) -> None:
        self.folder, self.latents, self.train = folder, latents, train
        folder.mkdir(exist_ok=True)

    def start(self, processes, strategy="ddp", launcher=(), **train):
        values = {**PARAMS, "distributed": {"processes": processes, "strategy": strategy}}
        # adaLN-Zero starts with gradients of zero, whose rounding Adam makes whole steps of.
        own = {"size": SIZE, "injection": "additive"}
        values["denoisers"] = {"nanowm": {**PARAMS["denoisers"]["nanowm"], **own}}
        values["train"] = {
            **PARAMS["train"],
            **QUICK,
            "learning_rate": 1.5e-3,  # what rounding makes of weights grows with it
            **self.train,
            **train,
            "validation": VALIDATION,
        }
        (self.folder / "params.yaml").write_text(yaml.safe_dump(values))
        inputs = [self.latents / "latents.zarr", self.latents / "codec"]
        outputs = [
            "model",
            "train.json",
            "train.csv",
            "levels.csv",
            "validation.csv",
            "samples.png",
        ]
        return subprocess.Popen(
            [sys.executable, *launcher, "-m", "pipeline.train", *map(str, inputs), *outputs],
            cwd=self.folder,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, processes, strategy="ddp", launcher=(), **train):
        started = self.start(processes, strategy, launcher, **train)
        out, error = started.communicate()
        assert started.returncode == 0, error
        return out

    def table(self, name):
        with (self.folder / name).open(newline="") as file:
            rows = list(csv.reader(file))[1:]
        return np.array(rows, float)

    def weights(self):
        return load_file(self.folder / "model" / "model.safetensors")


@pytest.fixture(scope="module")
def latents(folder_of_latents):
    return folder_of_latents


@pytest.fixture(scope="module")
def alone(latents, tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("alone"), latents)
    workspace.run(1)
    return workspace


def assert_same_within_rounding(ours, theirs):
    for name in ("train.csv", "levels.csv", "validation.csv"):
        np.testing.assert_allclose(ours.table(name), theirs.table(name), rtol=1e-3)
    np.testing.assert_allclose(ours.table("train.csv"), theirs.table("train.csv"), rtol=1e-4)
    ours, theirs = ours.weights(), theirs.weights()
    assert ours.keys() == theirs.keys()
    assert max(float((ours[name] - theirs[name]).abs().max()) for name in ours) < 1e-5


@pytest.mark.parametrize(
    ("strategy", "launcher", "changes"),
    [
        ("ddp", WITH_TORCHRUN, {"accumulation": 2, "compile": "default"}),
        ("fsdp", (), {"accumulation": 2, "compile": "default"}),
    ],
    ids=["DDP by torchrun", "FSDP2"],
)
def test_two_processes_compiled_in_micro_batches_take_the_steps_of_one(
    alone, latents, tmp_path, strategy, launcher, changes
):
    both = Workspace(tmp_path / "both", latents)
    output = both.run(2, strategy, launcher, **changes)
    assert output.count("train: 12 steps") == 1  # the first process alone prints
    assert_same_within_rounding(both, alone)


def children(of):
    """The processes that train, in the order of their start."""
    children = psutil.Process(of.pid).children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def wait_for_a_state(folder, seconds=120):
    """Wait until a run has saved its first state."""
    end = time.monotonic() + seconds
    while not list(folder.glob(".scratch/train-*/latest.safetensors")):
        assert time.monotonic() < end, "no state was ever saved"
        time.sleep(0.01)


def ended(started, seconds=300):
    """Standard error of a run, once it has ended."""
    try:
        _, error = started.communicate(timeout=seconds)
    finally:
        started.kill()
    return error


def test_a_process_that_dies_ends_the_run_in_one_line_and_it_resumes_to_the_bit(latents, tmp_path):
    whole, cut = (Workspace(tmp_path / name, latents, steps=30) for name in ("whole", "cut"))
    whole.run(2, "fsdp")
    started = cut.start(2, "fsdp")
    wait_for_a_state(cut.folder)
    both = children(started)
    both[-1].send_signal(signal.SIGKILL)
    error = ended(started)
    assert started.returncode == 2
    assert re.fullmatch(
        r"error: process \d of 2 was killed by SIGKILL; the others were stopped; run again .*\n",
        error,
    )
    assert len(both) == 2
    assert not any(child.is_running() for child in both)
    assert not (cut.folder / "model").exists()
    assert re.search(r"train: resuming after step \d+ of 30", cut.run(2, "fsdp"))
    for name in ("model/model.safetensors", "train.csv", "validation.csv", "samples.png"):
        assert (cut.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name


def test_sigterm_saves_and_the_next_run_resumes(latents, tmp_path):
    work = Workspace(tmp_path / "stopped", latents, steps=100_000, schedule="constant")
    started = work.start(1)
    wait_for_a_state(work.folder)
    started.send_signal(signal.SIGTERM)
    error = ended(started)
    assert started.returncode == 128 + signal.SIGTERM
    message = re.fullmatch(r"train: stopped by SIGTERM after step (\d+), state saved; .*\n", error)
    assert message, error
    resumed = work.start(1)
    for line in resumed.stdout:
        if "resuming" in line:
            break
    resumed.kill()
    resumed.communicate()
    assert line == f"train: resuming after step {message[1]} of 100000\n"


def test_a_mistake_is_reported_once(latents, tmp_path):
    started = Workspace(tmp_path / "wrong", latents, batch=9).start(2)
    _, error = started.communicate(timeout=120)
    assert started.returncode == 2
    assert error == (
        "error: train.batch = 9 cannot be cut into 2 x 1 micro-batches (processes x "
        "train.accumulation); choose a multiple of 2\n"
    )
