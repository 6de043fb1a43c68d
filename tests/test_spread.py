"""Stages and runs write the same bytes wherever they are computed: other processes, or Ray's."""

import json
import os
import secrets
import shutil
import subprocess
import sys

import pytest
import torch
import yaml
from encode_helpers import encoded
from helpers import ROOT, content, make_episode
from in_process import outs_of, run_stage
from ingest_helpers import ingested
from pipeline_helpers import results, set_params

from pipeline import encoders
from pipeline.compute import parallel as cluster
from pipeline.compute.threads import threads
from pipeline.encode.shard import Saved
from pipeline.errors import DataError
from pipeline.plan import plan
from pipeline.tools.dvc_yaml.read import stages
from pipeline.tools.workspaces.spread import Run, carry_out
from pipeline.tools.workspaces.workspace import Recipe, Workspace

TIMES = ("seconds_per_replan", "cpu_seconds_per_replan")


@pytest.fixture(scope="module")
def importable():
    """Worker processes must be able to import these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'tests'}")
        yield patch


@pytest.fixture(scope="module")
def ray(importable):
    """Address of a Ray cluster, started once for all tests."""
    importable.setenv("RAY_AUTH_MODE", "token")
    importable.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    command = [sys.executable, ROOT / "tests/ray_cluster.py"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        yield started.stdout.readline().decode().strip()
        started.stdin.close()


@pytest.fixture(params=["processes", pytest.param("ray", marks=pytest.mark.slow)])
def elsewhere(request, importable):
    """Options of cluster."""
    if request.param == "processes":
        return cluster.Options(workers=2, ray=None)
    return cluster.Options(workers=None, ray=request.getfixturevalue("ray"))


@pytest.fixture
def episodes():
    return [make_episode(f"episode_{i:03d}", length=10 + i) for i in range(10)]


SMALL = {"episodes_per_shard": 3, "train_share": 0.8}


@pytest.mark.slow
def test_ingest_writes_the_same_bytes(elsewhere, episodes, tmp_path):
    ingested(episodes, tmp_path / "alone", **SMALL)
    ingested(episodes, tmp_path / "many", workers=elsewhere, **SMALL)
    assert content(tmp_path / "alone") == content(tmp_path / "many")


@pytest.mark.slow
def test_an_error_in_another_process_is_the_users_error_still(elsewhere, episodes, tmp_path):
    episodes[4] = DataError("x.mp4: damaged; fetch it again")
    with pytest.raises(DataError, match=r"^x.mp4: damaged; fetch it again, or set ingest.on_error"):
        ingested(episodes, tmp_path / "out", workers=elsewhere, **SMALL)


@pytest.mark.slow
def test_encode_writes_the_same_bytes(elsewhere, folder_of_latents, tmp_path):
    folder, codec = folder_of_latents, folder_of_latents / "codec"
    card = {"name": encoders.name_of(codec), "digest": encoders.digest(codec)}
    encoded(folder / "shards", Saved(codec), tmp_path / "b.zarr", where=elsewhere, **card)
    assert content(tmp_path / "b.zarr") == content(folder / "latents.zarr")


def written(folder, stage):
    """The bytes of all that a stage writes, but for its times."""
    outs = [path for path in outs_of(folder, stage) if path.parent.name != "seconds"]
    contents = {path.name: path.read_bytes() for path in outs}
    if stage == "plan":
        scores = json.loads(contents["plan.json"])
        assert all(scores.pop(time) > 0 for time in TIMES)
        contents["plan.json"] = json.dumps(scores)
    return contents


@pytest.fixture(scope="module")
def in_pieces(smoke_run, tmp_path_factory):
    """A workspace whose evaluate and plan have several pieces, and what they write on their own."""
    folder = tmp_path_factory.mktemp("spread") / "workspace"
    shutil.copytree(smoke_run, folder, symlinks=True)
    alone = {"cluster.workers": 1, "cluster.ray": None}
    set_params(folder, {"evaluate.batch": 3, "plan.simulator": ["state"], **alone})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(plan.GOALS, "cpu", 2)
        for stage in ("evaluate", "plan"):
            run_stage(folder, stage)
        yield folder, {stage: written(folder, stage) for stage in ("evaluate", "plan")}


@pytest.mark.parametrize("stage", ["evaluate", "plan"])
def test_evaluate_and_plan_write_the_same_bytes(in_pieces, stage, elsewhere, monkeypatch):
    folder, here = in_pieces
    set_params(folder, {"cluster.workers": elsewhere.workers, "cluster.ray": elsewhere.ray})
    monkeypatch.setenv("OMP_NUM_THREADS", "2")  # of other processes, each of which computes in one
    with threads(2):
        run_stage(folder, stage)
        assert torch.get_num_threads() == 2
    assert written(folder, stage) == here[stage]


@pytest.mark.parametrize("stage", ["evaluate", "plan"])
def test_threads_change_no_byte_of_evaluate_and_plan(in_pieces, stage):
    folder, here = in_pieces
    set_params(folder, {"cluster.workers": 1, "cluster.ray": None})
    with threads(2):
        run_stage(folder, stage)
    assert written(folder, stage) == here[stage]


@pytest.mark.slow
def test_runs_on_ray_write_the_same_bytes_and_what_fails_is_told_alone(
    ray, smoke_run, tmp_path, monkeypatch
):
    """One run trains and evaluates, another fails; the pipeline of `smoke_run` is the reference.

    By processes of this machine they are those of `wm ablate` in its own tests.
    """
    monkeypatch.chdir(tmp_path)
    values = yaml.safe_load((smoke_run / "params.yaml").read_text())
    recipe = Recipe.changed(stages(smoke_run / "dvc.yaml"), values, {}, smoke_run / "params.yaml")
    whole = Workspace(tmp_path / "whole", recipe, Workspace(smoke_run, recipe))
    alone = Workspace(tmp_path / "alone", recipe)  # without latents
    runs = [Run(whole, ("train", "evaluate")), Run(alone, ("train",))]
    lines: list[str] = []
    with pytest.raises(DataError, match=r": 1 of 2 runs are not done, as 1 failed; "):
        lines.extend(carry_out(tmp_path, runs, cluster.Options(workers=None, ray=ray)))
    told = dict(line.split(": ", 1) for line in lines)
    assert told["alone"].startswith("train failed: error: data/wall/latents/tiny_vae.zarr: there")
    mine, theirs = results(tmp_path / "whole"), results(smoke_run)
    assert {"results/dreams.npz", "metrics/evaluate.json", "plots/train.csv"} <= set(mine)
    assert mine == {name: theirs[name] for name in mine}
    assert sorted(os.listdir(tmp_path / "alone")) == ["params.yaml", "train.log"]
