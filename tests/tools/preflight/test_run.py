"""`wm preflight --run`: what a small run verifies, and its answers to injected faults."""

import tempfile

import pytest
import reproduce_helpers
import torch
import yaml
from helpers import PARAMS, ROOT
from pipeline_helpers import SMOKE
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.errors import DataError, UserError
from pipeline.metrics.schema.preflight import PreflightReport
from pipeline.params import Settings
from pipeline.tools.changes import changed
from pipeline.tools.preflight import training
from pipeline.tools.preflight.findings import Findings
from pipeline.tools.preflight.scale import NETWORK, TRAINING
from pipeline.train.checkpoint import Checkpoint
from pipeline.train.trainer import Trainer

DONE = ("config", "collect", "ingest", "frames", "actions", "fit", "encode", "latents", "windows",
        "train", "checkpoint", "model", "sampling")  # fmt: skip
TINY = reproduce_helpers.TINY
NANO = {"parameters": 1_109_696, "forward_flops": 10**9}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run it on an invented preset of the smallest size, whose base is changed; exit and report."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    params, file = tmp_path / "params.yaml", tmp_path / "preflight.json"
    params.write_text(yaml.safe_dump(changed(PARAMS, SMOKE, params)))

    def run(*arguments, action_dim=2, **base):
        own = {"latent": {"shape": [8, 8, 8], "arrays": 1}, "network": NANO}
        shared = {**TINY["bases"]["shared"], **own, **base}
        data = {"wall": {"frames": 480, "action_dim": action_dim}}
        published = {**TINY, "data": data, "bases": {"shared": shared}}
        path = reproduce_helpers.write(tmp_path, published)
        files = ("--params", str(params), "--published", str(path), "--json", str(file))
        done = CliRunner().invoke(app, ["preflight", "--run", "tiny", *files, *arguments])
        assert not list((tmp_path / "tmp").glob("wm-preflight-*"))
        assert done.exception is None or isinstance(done.exception, UserError), done.exception
        return done, PreflightReport.read(file)

    return run


def test_a_healthy_run_verifies_every_stage_and_says_what_it_did_not(run):
    done, report = run("--memory", "8")
    assert (done.exit_code, report.failed, report.drift) == (0, None, [])
    assert [line.partition(":")[0].split()[0] for line in report.verified[:13]] == [*DONE]
    assert report.verified[-1].startswith("memory, by forecast: train: 1.11 M parameters")
    assert any("episodes simulated by its world stood in" in line for line in report.not_verified)
    assert "\nverified by this run:\n  - config" in done.output
    assert "\nNOT verified by this run:\n  - the files of wall" in done.output


def test_what_is_not_as_specified_is_drift(run):
    done, report = run(action_dim=3, latent={"shape": [4, 16, 16], "arrays": 2})
    assert done.exit_code
    actions, latents = "actions of a step: expected 3, found 2", "expected 4x16x16, found 8x8x8"
    assert report.drift == [actions, f"latents: {latents}"]
    assert str(done.exception).startswith(f"drift: {actions} (and 1 more); correct")
    assert f"\ndrift:\n  - {actions}" in done.output


def test_too_little_memory_is_answered_with_what_fits_after_the_run(run):
    done, report = run("--memory", "0.03")
    assert report.failed == str(done.exception)
    assert "the device has 0.03 GB; train.accumulation: 2" in report.failed
    assert any(line.startswith("sampling: ") for line in report.verified)


def test_a_size_that_is_none_is_refused_before_any_work(run):
    done, report = run("--memory", "nan")
    assert str(done.exception).startswith("--memory nan: not a memory size")
    assert report.verified == []


def test_a_state_model_is_run_as_params_yaml_is(tmp_path):
    params, file = tmp_path / "params.yaml", tmp_path / "preflight.json"
    params.write_text(
        yaml.safe_dump(
            changed(PARAMS, {**SMOKE, "encoder": "state", "distill.method": "none"}, params)
        )
    )
    arguments = ("--run", "--params", str(params), "--json", str(file), "--memory", "8")
    done = CliRunner().invoke(app, ["preflight", *arguments])
    report = PreflightReport.read(file)
    assert (done.exception, report.failed, report.drift) == (None, None, [])
    assert report.verified[-1].startswith("memory, counted in one update: train: micro-batches of")
    assert any(line.startswith("imagination: the data set has no") for line in report.not_verified)


@pytest.fixture
def exercise(cache, tmp_path):
    """Train, save, reload and sample on a cache of small latents."""
    values = changed(
        PARAMS, {**TRAINING, "denoisers.nanowm.size": NETWORK, "train.interval": 1}, tmp_path
    )

    def exercise():
        findings = Findings()
        training.exercise(Settings(tmp_path, values), cache, tmp_path, findings)
        return findings

    return exercise


def test_a_corrupt_checkpoint_is_noticed(exercise, monkeypatch):
    whole = Checkpoint.write

    def write(self, state, step):
        whole(self, state, step)
        content = bytearray(self.latest.read_bytes())
        content[-1] ^= 1
        self.latest.write_bytes(content)

    monkeypatch.setattr(Checkpoint, "write", write)
    with pytest.raises(DataError, match=r"checkpoint: latest\.safetensors, .+ cannot be read"):
        exercise()


def test_a_checkpoint_with_other_numbers_is_noticed(exercise, monkeypatch):
    whole = Checkpoint.read

    def read(self):
        if (state := whole(self)) is None:
            return None
        name = next(name for name in state if name.startswith("optimiser."))
        return {**state, name: state[name] + 1e-7}

    monkeypatch.setattr(Checkpoint, "read", read)
    with pytest.raises(DataError, match=r"checkpoint: optimiser\.\S+ is not what was written"):
        exercise()


def test_memory_that_runs_out_is_answered_with_what_fits(run, monkeypatch):
    def fit(self, folder):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Trainer, "fit", fit)
    _, report = run("--memory", "0.03")
    assert report.failed.startswith("out of memory at a reduced scale; train.accumulation: 2")


PRESETS = ("rt1", "pusht_vjepa2_1")
"""Of the paper: one from videos with latents of an autoencoder, one with semantic latents."""


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS)
def test_every_kind_of_preset_runs(preset, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    file = tmp_path / "preflight.json"
    arguments = ("--run", preset, "--memory", "1000", "--json", str(file))
    done = CliRunner().invoke(app, ["preflight", *arguments])
    report = PreflightReport.read(file)
    assert (done.exit_code, report.failed, report.drift) == (0, None, [])
