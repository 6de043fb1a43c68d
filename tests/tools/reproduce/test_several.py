"""`wm reproduce NAME... --out FOLDER`: runs beside each other, on latents that they share."""

import json
import shutil

import pytest
import yaml
from dataset_helpers import write
from helpers import ROOT
from pipeline_helpers import set_params
from reproduce_helpers import measured
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.errors import DataError, ParamsError
from pipeline.metrics import perceptual
from pipeline.tools.dvc_yaml.read import stages
from pipeline.tools.workspaces import process

ARMS = ("rt1_v", "rt1_film", "rt1_additive")
"""The last is the first by another name."""


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A folder with all that the command reads, and the command in it."""
    for name in ("dvc.yaml", "params.yaml", "published.json"):
        shutil.copy(ROOT / name, tmp_path / name)
    set_params(tmp_path, {"cluster.workers": 1})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(perceptual, "prepare", lambda names: None)
    return tmp_path


@pytest.fixture
def ran(monkeypatch):
    """Stages that were asked to run, with their folders; `broken` ones fail."""
    calls: list[tuple[str, str]] = []
    broken: set[tuple[str, str]] = set()

    def run(command, folder, log, variables):
        stage = command[2].removeprefix("pipeline.")
        calls.append((folder.name, stage))
        log.write_text("error: no space\n")
        values = yaml.safe_load((folder / "params.yaml").read_text())
        for out in stages(ROOT / "dvc.yaml")[stage].filled(values).outs:
            (folder / out).mkdir(parents=True, exist_ok=True)
        if stage == "evaluate":
            for name, values in measured(psnr=23.0).items():
                path = folder / f"metrics/{name}.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(values))
        return int((folder.name, stage) in broken), 2.0, 1.0

    monkeypatch.setattr(process, "run", run)
    return calls, broken


def wm(*arguments):
    return CliRunner().invoke(app, ["reproduce", *map(str, arguments)])


def test_each_has_a_folder_and_latents_are_made_once_for_all(workspace, ran):
    calls, broken = ran
    broken.add(("rt1_film", "train"))
    done = wm(*ARMS, "--simulated", "--out", "out")
    (latents,) = {folder for folder, stage in calls if stage == "encode"}
    assert latents.startswith("rt1-sd_vae-")
    data = [(latents, stage) for stage in ("collect", "ingest", "fit", "encode")]
    assert calls == [
        *(*data, ("rt1_v", "train"), ("rt1_v", "evaluate"), ("rt1_film", "train")),
    ]
    assert isinstance(done.exception, DataError)
    assert "out: 1 of 3 runs are not done, as 1 failed" in str(done.exception)
    assert "reproduce: rt1_film: train failed: error: no space (log: out/rt1_film/" in done.output
    assert "reproduce: rt1_v, RT-1 ablations" in done.output  # its scores are shown all the same
    calls.clear()
    broken.clear()
    again = wm(*ARMS, "--simulated", "--out", "out")
    assert again.exit_code == 0, again.output
    assert calls == [("rt1_film", "train"), ("rt1_film", "evaluate")]
    written = json.loads((workspace / "out/reproduced.json").read_text())
    assert list(written["runs"]) == ["rt1_v", "rt1_film"]
    psnr = {"name": "psnr", "published": 23.2, "ours": 23.0, "tolerance": 0.5}
    assert psnr in written["runs"]["rt1_film"]
    assert written["simulated"]


def test_a_run_is_one_process_on_the_episodes_of_the_first_folder(workspace, ran):
    write("wall", workspace / "theirs")
    done = wm("wall", "--root", "theirs", "--out", "out")
    assert done.exit_code == 1, done.output  # the figures are made up
    assert "OUTSIDE" in done.output
    text = (workspace / "out/wall/params.yaml").read_text()
    assert f"root: {workspace}/theirs\n" in text
    assert "cluster:\n  workers: 1\n  ray: null\ndistributed:\n  processes: 1\n" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (ARMS, "3 runs need a folder of their own; name one with --out"),
        (("rt1_v", "--out", "out", "--checkpoint", "x"), "--checkpoint goes without --out"),
        (("rt1_v", "pusht_fi", "--out", "out"), "'pusht_fi' is not a run .* did you mean pusht_fi"),
        (("rt1_v", "--out", "out"), r"datasets\.rt1\.root is null, .* `wm fetch rt1 DEST`"),
    ],
)
def test_mistakes_are_found_before_anything_runs(workspace, ran, words, message):
    with pytest.raises(ParamsError, match=message):
        raise wm(*words).exception
    assert ran[0] == []
    assert not (workspace / "out").exists()
