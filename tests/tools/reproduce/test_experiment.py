"""A tiny invented run, reproduced by DVC from its data to a verdict."""

import shutil

import pytest
from pipeline_helpers import commit, executed, make_workspace, run
from reproduce_helpers import write

pytestmark = pytest.mark.slow

REPRODUCE = ("python", "-m", "pipeline", "reproduce", "tiny", "--root", "their episodes")


def test_a_run_is_an_experiment_and_a_second_time_runs_nothing(smoke_run, tmp_path):
    folder = make_workspace(tmp_path / "workspace")
    shutil.copytree(smoke_run / "data/wall/raw", folder / "their episodes")
    write(folder)
    commit(folder)
    done = run(folder, *REPRODUCE)
    scored = ["code", "locate", "collect", "ingest", "fit", "encode", "train", "evaluate"]
    assert executed(done.stdout) == scored
    assert "train: 4 steps" in done.stdout
    assert "nowhere of Invented" in done.stdout
    assert "inside" in done.stdout
    model = "models/wall/patch_pca/world_model"
    again = run(folder, *REPRODUCE, "--checkpoint", model)
    assert executed(again.stdout) == []
    line = next(line for line in done.stdout.splitlines() if "psnr" in line)
    assert line in again.stdout
    assert (folder / "results/reproduce/tiny/metrics/evaluate.json").is_file()
    assert "experiment reproduce-tiny;" in done.stdout
    assert "experiment reproduce-tiny-latents;" in again.stdout
