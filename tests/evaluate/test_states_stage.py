"""The stages from collect to evaluate, where the latents are states."""

import json

import pytest
from in_process import run_stage
from pipeline_helpers import make_workspace, set_params

from pipeline.metrics.schema.evaluate import EvaluateMetrics

SMALL = {
    "encoder": "state",
    "distill.method": "none",
    "rollout.clips": 0,
    "train.interval": 1,
    "train.steps": 6,
    "state_models.gru.width": 16,
    "state_models.gru.heads": 2,
}
STAGES = ("collect", "ingest", "fit", "encode", "train", "evaluate")


@pytest.mark.slow
def test_evaluate_measures_forecasts_beside_the_scores_of_drawn_frames(tmp_path):
    folder = make_workspace(tmp_path / "run")
    set_params(folder, SMALL)
    for stage in STAGES:
        run_stage(folder, stage)
    scores = EvaluateMetrics.read(folder / "metrics/evaluate.json")
    states = scores.state_model
    assert (scores.frames, states.history, states.clips) == (8, 8, 8)
    assert [one.rows for one in states.forecasts] == [1, 8]
    assert states.contacts is states.termination is None
    assert states.next_rows == 4 * (24 - 8)
    means = json.loads((folder / "metrics/evaluate_mean.json").read_text())
    assert means["state_model"]["error_8"] == states.forecasts[1].model.value
