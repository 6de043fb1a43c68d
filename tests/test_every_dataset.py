"""One word in params.yaml takes every data set from its simulator to its report."""

import json

import pytest
from helpers import DATASETS, every
from in_process import run_stages
from pipeline_helpers import SMOKE, make_workspace, set_params

from pipeline.worlds import WORLDS

SMALL = {
    "wall": {"size": 32},
    "pusht": {"size": 32},
    "point_maze": {"size": 32},
    "rope": {"size": 32, "steps": 12},
    "granular": {"size": 32, "steps": 12},
    "rt1": {"height": 48, "width": 64},
    "room": {"height": 32, "width": 32},
}
RESOLUTION = {"rt1": [24, 32], "csgo": [24, 40]}
NEVER_PLANNED = {"csgo"}
FEWER = {"csgo": 2}  # clips: one of each recording that is held out


OURS = ["quadruped", "room"]
"""Worlds that no published data set is named after."""
OF_STATES = ["quadruped"]
"""Data sets of states, not pictures: tests/evaluate/test_states_stage.py."""


def test_every_data_set_has_a_world_that_writes_it():
    assert every(WORLDS) == sorted([*DATASETS, *OURS])


@pytest.mark.parametrize("name", sorted({*DATASETS, *OURS} - {*OF_STATES}))
def test_a_data_set_is_one_word(name, tmp_path):
    workspace = make_workspace(tmp_path / "workspace")
    small = {"episodes": 6, "steps": 24, **SMALL.get(name, {})}
    changes: dict[str, object] = {f"worlds.{name}.{key}": value for key, value in small.items()}
    if name in RESOLUTION:
        changes[f"datasets.{name}.resolution"] = RESOLUTION[name]
    limits = {"ingest.shortest": 4, "evaluate.clips": 4, "train.steps": 4}
    set_params(workspace, {"dataset": name, **limits, **changes})
    run_stages(workspace)
    scores = json.loads((workspace / "metrics/evaluate.json").read_text())
    assert scores["clips"] == FEWER.get(name, 4)
    manifest = json.loads((workspace / f"data/{name}/shards/manifest.json").read_text())
    assert manifest["dataset"] == name
    plan = json.loads((workspace / "metrics/plan.json").read_text())
    assert plan["goals"] == (0 if name in NEVER_PLANNED else SMOKE["plan.goals"]["count"])
    assert ("skipped" in plan) == (name in NEVER_PLANNED)
    page = (workspace / "report/index.html").read_text()
    assert f"World model of {name}" in page
