"""`wm STAGE` takes the paths of dvc.yaml, unless it is given its own."""

import functools
import importlib
import shutil
from pathlib import Path
from typing import Annotated

import pytest
import typer
from helpers import ROOT
from in_process import stage_of
from pipeline_helpers import set_params
from typer.testing import CliRunner

from pipeline.arguments import PARAMS as PARAMS_FILE
from pipeline.arguments import Latents, ParamsFile, SecondsFile
from pipeline.errors import UserError
from pipeline.params import STAGES
from pipeline.tools.default_paths import with_default_paths


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*words, stage="plan"):
    """What a stage is called with, and from where, by these words."""
    got = {}

    def command(
        latents: Latents,
        codec: Annotated[Path, typer.Argument()],
        out: Annotated[Path, typer.Argument(metavar="OUT")],
        params: ParamsFile = PARAMS_FILE,
        seconds: SecondsFile = None,
    ) -> None:
        """Do it."""
        got.update(latents=latents, codec=codec, out=out, params=params, seconds=seconds)
        got["cwd"] = Path.cwd()

    app = typer.Typer()
    app.command()(with_default_paths(stage, command))
    done = CliRunner().invoke(app, words)
    if isinstance(done.exception, UserError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return got or done.output


DVC_YAML = """
stages:
  plan:
    cmd: python -m pipeline.plan in/${encoder}.zarr codec out/${dataset} --seconds s.json
  bare:
    cmd: python -m pipeline.plan a b c
  many:
    cmd: python -m pipeline.plan a b c d
  flag:
    cmd: python -m pipeline.plan a b c --flag
  other:
    cmd: python -m pipeline.plan a b c --logs runs
"""


def test_without_paths_they_are_those_of_dvc_yaml(folder):
    (folder / "dvc.yaml").write_text(DVC_YAML)
    set_params(folder, {"encoder": "patch_pca"})
    filled = {"latents": Path("in/patch_pca.zarr"), "codec": Path("codec"), "out": Path("out/wall")}
    rest = {"params": Path("params.yaml"), "cwd": folder}
    assert call() == {**filled, **rest, "seconds": Path("s.json")}
    assert call("--seconds", "mine.json") == {**filled, **rest, "seconds": Path("mine.json")}
    assert call(stage="bare")["seconds"] is None


def test_the_selectors_are_those_of_the_params_that_are_given(folder):
    (folder / "dvc.yaml").write_text(DVC_YAML)
    shutil.copy("params.yaml", "other.yaml")
    set_params(folder, {"encoder": "patch_pca"})
    assert call("--params", "other.yaml")["latents"] == Path("in/tiny_vae.zarr")


def test_paths_that_are_given_are_taken_as_they_are(folder):
    (folder / "dvc.yaml").unlink()
    got = call("x", "y", "z")
    assert got == {
        **{"latents": Path("x"), "codec": Path("y"), "out": Path("z")},
        **{"params": Path("params.yaml"), "seconds": None, "cwd": folder},
    }


def test_a_workspace_elsewhere_is_as_if_called_from_there(folder, tmp_path_factory, monkeypatch):
    (folder / "dvc.yaml").write_text(DVC_YAML)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    assert call("--dir", str(folder))["cwd"] == folder
    assert Path.cwd() == elsewhere
    with pytest.raises(UserError, match="--dir nowhere: no such folder; name one that holds"):
        call("--dir", "nowhere")


@pytest.mark.parametrize(
    ("words", "stage", "message"),
    [
        (("x",), "plan", "wm plan: 1 of 3 paths are given, without CODEC, OUT; give all, or none"),
        ((), "plam", "dvc.yaml: has no stage plam; did you mean plan?"),
        ((), "many", "hands 4 paths to the stage many, which takes 3: LATENTS, CODEC, OUT; corr"),
        ((), "flag", "stage flag has options that `wm flag` cannot take from there: --flag; wri"),
        ((), "other", "stage other has options that `wm other` cannot .*: --logs runs; write"),
    ],
)
def test_what_cannot_be_filled_in_is_one_line(folder, words, stage, message):
    (folder / "dvc.yaml").write_text(DVC_YAML)
    with pytest.raises(UserError, match=message):
        call(*words, stage=stage)


def test_a_folder_that_is_no_workspace_is_one_line(folder):
    (folder / "dvc.yaml").unlink()
    with pytest.raises(UserError, match=r"wm plan: .* has no dvc.yaml to take paths from; run in"):
        call()


def test_help_says_so_and_requires_no_path():
    said = call("--help")
    assert "Without paths, it takes those of dvc.yaml." in said
    assert "--dir" in said
    assert "required" not in said


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_gets_the_words_that_dvc_hands_it(stage, folder):
    """By the parameters of the stage's own command."""
    got = {}
    original = importlib.import_module(f"pipeline.{stage}.__main__").command
    recording = functools.wraps(original)(lambda **given: got.update(given))
    app = typer.Typer()
    app.command()(with_default_paths(stage, recording))
    assert CliRunner().invoke(app, []).exit_code == 0
    assert got.pop("params") == PARAMS_FILE
    handed = [word for word in stage_of(folder, stage).command[3:] if not word.startswith("--")]
    assert [str(value) for value in got.values() if value is not None] == handed
