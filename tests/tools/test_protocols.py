"""Protocols of planning: each is a valid params.yaml, and `wm run --protocol` hands it to DVC."""

import json
import shutil

import pytest
from helpers import ROOT
from reproduce_helpers import fake_dvc
from typer.testing import CliRunner

from pipeline import params
from pipeline.__main__ import app
from pipeline.errors import ParamsError
from pipeline.plan import Options
from pipeline.tools import dvc
from pipeline.tools.protocols import PROTOCOLS, changes_of, written
from pipeline.tools.reproduce.preset import merged

# Of the machine or the report, and rows beside the planner's: no protocol says anything of them.
FREE = ("batch", "recorded", "simulator", "sampling")


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("dataset", ["wall", "pusht", "point_maze"])
def test_every_protocol_is_a_valid_params_yaml_and_leaves_nothing_open(name, dataset):
    changes = changes_of(name)
    settings = merged(ROOT / "params.yaml", {**changes, "dataset": dataset})
    options = settings.section("plan", Options)
    assert settings.values["planner"] == "cem"
    assert options.goals.detour is None
    set_ = {key.split(".")[1] for key in changes if key.startswith("plan.")}
    assert set_ >= set(Options.model_fields) - set(FREE)
    for block in ("goals", "distance", "proposals"):
        fields = Options.model_fields[block].annotation.model_fields
        assert {f"plan.{block}.{field}" for field in fields} <= changes.keys()
    searched = {f"planners.cem.{key}" for key in settings.values["planners"]["cem"]}
    assert searched <= changes.keys()


@pytest.mark.parametrize(
    ("name", "goals", "seed", "budget", "horizon", "search", "success"),
    [
        ("nanowm", 50, 99, 20, 5, (300, 30, 30), "chunk"),
        ("nanowm_paper", 100, 99, 3, 3, (64, 10, 5), "chunk"),
        ("dino_wm", 50, 99, 100, 5, (300, 30, 30), "chunk"),
        ("dino_wm_random", 50, 99, 100, 5, (300, 30, 10), "chunk"),
        ("stable_worldmodel", 50, 42, 10, 5, (300, 30, 30), "step"),
    ],
)
def test_the_numbers_are_the_published_ones(name, goals, seed, budget, horizon, search, success):
    sets = changes_of(name)
    assert (sets["plan.goals.count"], sets["plan.seed"]) == (goals, seed)
    assert (sets["plan.budget_frames"], sets["plan.horizon"]) == (budget, horizon)
    keys = ("candidates", "elites", "rounds")
    assert tuple(sets[f"planners.cem.{key}"] for key in keys) == search
    assert sets["plan.success"] == success


@pytest.fixture
def wm(tmp_path, monkeypatch):
    """Runs `wm WORDS` in a folder with params.yaml; returns what it printed and calls of DVC."""
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    calls = fake_dvc(tmp_path / "bin")
    monkeypatch.setattr(dvc, "BIN", tmp_path / "bin")

    def call(*words):
        done = CliRunner().invoke(app, list(words))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output, json.loads(calls.read_text())

    return call


def test_a_run_hands_a_protocol_to_dvc_but_for_what_is_changed_anyway(wm):
    _, ((*first, last),) = wm(
        "run", "--protocol", "stable_worldmodel", "-S", "plan.goals.count=8", "plan"
    )
    assert first[:2] == ["exp", "run"]
    assert last == "plan"
    sets = dict(change.split("=", 1) for change in first[3::2])
    expected = {key: written(value) for key, value in changes_of("stable_worldmodel").items()}
    assert sets == expected | {"plan.goals.count": "8"}
    assert sets["plan.goals.frames"] == "[5,5]"
    assert sets["plan.goals.detour"] == "null"


def test_an_unknown_protocol_is_refused_in_one_line(wm):
    with pytest.raises(ParamsError, match="--protocol nanown is unknown; did you mean nanowm"):
        wm("run", "--protocol", "nanown")


def test_the_list_tells_names_and_one_its_keys_and_source(wm):
    listed, _ = wm("protocols")
    for name in PROTOCOLS:
        assert name in listed
    one, _ = wm("protocols", "nanowm_paper")
    assert "planners.cem.candidates=64\n" in one
    assert "2605.23993" in one
    lines = [line for line in one.splitlines() if not line.startswith("#")]
    changes = dict(line.split("=", 1) for line in lines)
    assert changes.keys() == changes_of("nanowm_paper").keys()
    assert params.read(ROOT / "params.yaml").values.keys() >= {key.split(".")[0] for key in changes}
