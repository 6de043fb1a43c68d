"""Evaluate and plan write the same bytes wherever their pieces are computed."""

import json

import pytest
from in_process import outs_of, run_stage
from pipeline_helpers import set_params

from pipeline.plan import plan

ELSEWHERE = [
    pytest.param({"workers": 2, "ray": None}, id="processes"),
    pytest.param({"workers": None, "ray": "local"}, id="ray", marks=pytest.mark.slow),
]
TIMES = ("seconds_per_replan", "cpu_seconds_per_replan")


def written(folder, stage):
    """The bytes of all that a stage writes, but for its times."""
    outs = [path for path in outs_of(folder, stage) if path.parent.name != "seconds"]
    contents = {path.name: path.read_bytes() for path in outs}
    if stage == "plan":
        scores = json.loads(contents["plan.json"])
        assert all(scores.pop(time) > 0 for time in TIMES)
        contents["plan.json"] = json.dumps(scores)
    return contents


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
@pytest.mark.parametrize("stage", ["evaluate", "plan"])
def test_where_pieces_are_computed_changes_no_byte(workspace, stage, elsewhere, monkeypatch):
    monkeypatch.setattr(plan, "GOALS", 2)
    set_params(workspace, {"evaluate.batch": 3, "plan.simulator": ["state"]})
    run_stage(workspace, stage)
    here = written(workspace, stage)
    set_params(workspace, {f"cluster.{key}": value for key, value in elsewhere.items()})
    run_stage(workspace, stage)
    assert written(workspace, stage) == here
