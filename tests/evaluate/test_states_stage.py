"""Stages where the latents are states: of pictures as well, or of a data set of states."""

import json

import pytest
from in_process import run_stage
from pipeline_helpers import SMOKE, commit, executed, make_workspace, run, set_params

from pipeline.metrics.schema.evaluate import EvaluateMetrics
from pipeline.params import STAGES

SMALL = {
    "distill.method": "none",
    "rollout.clips": 0,
    "train.steps": 6,
    "state_models.gru.width": 16,
    "state_models.gru.heads": 2,
}
ROBOT = {"worlds.quadruped.episodes": 6, "worlds.quadruped.steps": 24}


@pytest.mark.slow
def test_evaluate_measures_forecasts_beside_the_scores_of_drawn_frames(tmp_path):
    folder = make_workspace(tmp_path / "run")
    set_params(folder, {**SMALL, "encoder": "state", "train.interval": 1})
    for stage in ("collect", "ingest", "fit", "encode", "train", "evaluate"):
        run_stage(folder, stage)
    scores = EvaluateMetrics.read(folder / "metrics/evaluate.json")
    states = scores.state_model
    assert (scores.frames, states.history, states.clips) == (8, 8, 8)
    assert [one.rows for one in states.forecasts] == [1, 8]
    assert states.contacts is states.termination is None
    assert states.next_rows == 4 * (24 - 8)
    means = json.loads((folder / "metrics/evaluate_mean.json").read_text())
    assert means["state_model"]["error_8"] == states.forecasts[1].model.value


@pytest.mark.slow
def test_a_robot_is_one_word_in_a_new_clone(tmp_path):
    folder = make_workspace(tmp_path / "run")
    set_params(folder, {**SMALL, **ROBOT})
    commit(folder)
    done = run(folder, "dvc", "exp", "run", "-S", "dataset=quadruped")
    assert executed(done.stdout) == ["code", "locate", *STAGES]
    assert "datasets.quadruped.encoder = 'state', in place of 'tiny_vae'" in done.stdout
    scores = EvaluateMetrics.read(folder / "metrics/evaluate.json")
    states = scores.state_model
    assert (scores.frames, states.history) == (8, 8)
    assert [one.rows for one in states.forecasts] == [1, 8]
    assert states.contacts is not None
    assert states.next_rows == 2 * (24 - 8)
    means = json.loads((folder / "metrics/evaluate_mean.json").read_text())
    assert means["state_model"]["error_8"] == states.forecasts[1].model.value
    plan = json.loads((folder / "metrics/plan.json").read_text())
    assert plan["goals"] == SMOKE["plan.goals"]["count"]
    assert "World model of quadruped" in (folder / "report/index.html").read_text()
