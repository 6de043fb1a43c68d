"""`wm run` checks before DVC touches anything, and puts back what DVC deleted for a failed run."""

import json
import shutil
from pathlib import Path

import pytest
from helpers import ROOT
from in_process import outs_of
from pipeline_helpers import set_params
from reproduce_helpers import fake_dvc
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.errors import ParamsError
from pipeline.tools import dvc

METRICS = "metrics/train.json"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs `wm run WORDS` in a folder with a metrics file; returns exit status and calls of DVC."""
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "metrics").mkdir()
    (tmp_path / METRICS).write_text("{}")
    monkeypatch.chdir(tmp_path)

    def call(*words, code=0):
        shutil.rmtree("bin", ignore_errors=True)
        calls = fake_dvc(tmp_path / "bin", code=code)
        monkeypatch.setattr(dvc, "BIN", tmp_path / "bin")
        done = CliRunner().invoke(app, ["run", *words])
        if isinstance(done.exception, ParamsError):
            raise done.exception
        return done.exit_code, json.loads(calls.read_text())

    return call


def test_without_changes_it_is_dvc_repro_and_with_them_an_experiment(run):
    assert run("-f", "-s", "train") == (0, [["repro", "-f", "-s", "train"]])
    changed = run("-S", "encoder=patch_pca", "-n", "name", "fit", "-S", "train.betas=[0.9,0.95]")
    sets = ["-S", "encoder=patch_pca", "-S", "train.betas=[0.9,0.95]"]
    assert changed == (0, [["exp", "run", *sets, "-n", "name", "fit"]])
    sweep = run("--queue", "-S", "encoder=patch_pca,tiny_dino")
    assert sweep == (0, [["exp", "run", "-S", "encoder=patch_pca,tiny_dino", "--queue"]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("encoder=typo", r"params.yaml: encoder = 'typo' is unknown"),
        ("encoder=patch_pca,tiny_din", r"encoder = 'tiny_din' is unknown; did you mean tiny_dino"),
        (
            "train.stepz=3",
            r"-S train.stepz=3: params.yaml has no key train.stepz; did you mean step",
        ),
        (
            "datasets.wall.frame_interval=3",
            r"frame_interval, and DVC adds none: write it there once",
        ),
        ("train.steps=x", r"params.yaml: train.steps = 'x': Input should be a valid integer"),
        ("train.steps", r"-S train.steps: is not KEY=VALUE, such as train.steps=500"),
        ("other.yaml:a=3", r"-S other.yaml:a=3: is not KEY=VALUE"),
        ("evaluate.perceptual=[lpips", r"-S evaluate.perceptual=\[lpips: .*; quote values"),
    ],
)
def test_a_wrong_change_is_refused_before_dvc_runs(run, change, message):
    before = Path("params.yaml").read_text()
    with pytest.raises(ParamsError, match=message):
        run("-S", change)
    assert json.loads(Path("bin/arguments.json").read_text()) == []
    assert Path("params.yaml").read_text() == before


def test_a_word_that_dvc_would_refuse_is_refused_before_it_runs(run):
    with pytest.raises(ParamsError, match=r"dvc.yaml: has no stage trian; did you mean train\?"):
        run("-S", "train.steps=3", "-n", "name", "trian")
    with pytest.raises(ParamsError, match="wm run fit --typo: dvc repro does not take these; see"):
        run("fit", "--typo")
    assert json.loads(Path("bin/arguments.json").read_text()) == []


def test_a_key_that_is_wrong_in_the_file_can_be_set_right(run, tmp_path):
    set_params(tmp_path, {"encoder": "typo"})
    with pytest.raises(ParamsError, match="'typo' is unknown"):
        run()
    assert run("-S", "encoder=tiny_vae")[0] == 0


@pytest.mark.parametrize(
    ("path", "whole", "broken"),
    [
        (dvc.RWLOCK, "{}", [""]),
        (
            dvc.LOCK_FILE,
            (ROOT / "dvc.lock").read_text(),
            ["", "schema: '2.0'\nstages:\n", "stages:\n  fit:\n    cmd: x\n    deps:\n    - pa"],
        ),
    ],
)
def test_a_file_that_a_killed_dvc_left_half_written_is_removed(run, path, whole, broken):
    path.parent.mkdir(parents=True, exist_ok=True)
    for content in (whole, *broken):
        path.write_text(content)
        assert run()[0] == 0
        assert path.exists() == (content == whole)


def test_what_dvc_deleted_for_a_run_that_failed_is_put_back(run, tmp_path, monkeypatch):
    assert tmp_path / METRICS in outs_of(tmp_path, "train")

    def fails(*words):
        shutil.rmtree("metrics")
        return 255

    monkeypatch.setattr(dvc, "run", fails)
    assert run("train")[0] == 1
    assert (tmp_path / METRICS).read_text() == "{}"


def test_a_stage_of_the_users_own_is_run_like_any(run, tmp_path):
    text = (tmp_path / "dvc.yaml").read_text()
    own = "stages:\n  own:\n    cmd: ./own.sh\n    metrics:\n    - own.json\n"
    (tmp_path / "dvc.yaml").write_text(text.replace("stages:\n", own, 1))
    assert run("own") == (0, [["repro", "own"]])
