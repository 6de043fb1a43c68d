"""Runs beside each other: what differs, which is the best, and what cannot be said."""

import json
from pathlib import Path

import pytest
import yaml
from compare_helpers import EVALUATE, PLAN, SCORES, measured_workspace
from helpers import PARAMS
from plan_helpers import plan_metrics
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.errors import UserError
from pipeline.tools.compare.content import chosen_params

BETTER = plan_metrics(planner=45, random=15)
WORSE = plan_metrics(planner=5)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def compare(*words):
    done = CliRunner().invoke(app, ["compare", *words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def as_json(*words):
    return json.loads(compare(*words, "--json"))


def test_only_params_that_differ_are_told(here):
    measured_workspace(here / "a")
    measured_workspace(here / "b", {"train.steps": 7, "train.ema": 0.99})
    told = as_json("a", "b")
    assert told["runs"] == ["a", "b"]
    assert told["params"] == {
        "train.steps": [PARAMS["train"]["steps"], 7],
        "train.ema": [None, 0.99],
    }


def test_members_that_are_not_chosen_are_left_out():
    params = chosen_params(PARAMS)
    assert params["encoder"] == "tiny_vae"
    assert params["encoders.tiny_vae.steps"] == PARAMS["encoders"]["tiny_vae"]["steps"]
    assert params["datasets.wall.root"] is None
    assert params["worlds.wall.episodes"] == PARAMS["worlds"]["wall"]["episodes"]
    assert params["collect.seed"] == 0
    others = ("encoders.patch_pca", "datasets.pusht", "worlds.pusht", "objectives.flow")
    assert not [key for key in params if key.startswith(others)]


def test_a_key_that_a_run_has_not_is_a_dash(here):
    measured_workspace(here / "a")
    measured_workspace(here / "b", {"objective": "flow"})
    assert as_json("a", "b")["params"] == {
        "objective": ["x", "flow"],
        **{f"objectives.x.{k}": [v, None] for k, v in PARAMS["objectives"]["x"].items()},
        "objectives.flow.shift": [None, 1.0],
    }
    row = next(line for line in compare("a", "b").splitlines() if "objectives.flow" in line)
    assert [cell.strip() for cell in row.split("│")[1:-1]] == ["objectives.flow.shift", "-", "1.0"]


def test_metrics_with_intervals_and_the_best_of_each_row(here):
    measured_workspace(here / "a")
    model = {**SCORES, "psnr": [31.0, 29.0]}
    measured_workspace(here / "b", plan=BETTER, evaluate={"model": model}, train={"loss": 0.2})
    measured_workspace(here / "c", plan=WORSE)
    told = as_json("a", "b", "c")["metrics"]
    assert told["goals reached"] == {
        "better": "higher",
        "best": ["b"],
        "values": [
            {"value": row["success_rate"], "low": row["success_interval"][0]}
            | {"high": row["success_interval"][1]}
            for row in (plan["controllers"]["planner"] for plan in (PLAN, BETTER, WORSE))
        ],
    }
    by_random = told["goals reached by random actions"]["values"]
    assert [value and value["value"] for value in by_random] == [0.2, 0.3, None]
    assert told["PSNR, dB"]["best"] == ["b"]
    assert [value["value"] for value in told["PSNR, dB"]["values"]] == [29.0, 30.0, 29.0]
    assert told["training loss"]["best"] == ["a", "c"]
    assert told["SSIM"]["best"] == []  # they are equal
    assert told["parameters"]["best"] == []  # neither is better
    assert told["goals reached by random actions"]["best"] == []
    ratio = told["latent error / repeating the last frame"]["values"][0]["value"]
    assert ratio == pytest.approx(0.4)
    text = compare("a", "b", "c")
    assert "90% (79% to 96%) *" in text
    assert "80% (67% to 89%) │" in text
    assert "the 95 % interval of another run meets its own: goals reached" in text
    assert "interval" not in compare("a", "c").replace("(", "")  # these are apart


@pytest.mark.parametrize(
    ("change", "marked", "unmarked", "note"),
    [
        ({"train.steps": 7}, {"latent error", "PSNR, dB", "goals reached"}, set(), None),
        (
            {"encoder": "patch_pca"},
            {"PSNR, dB", "goals reached", "reconstruction PSNR, dB"},
            {"latent error", "training loss", "validation loss"},
            "no best of training loss, validation loss, latent error: not of the same latent space "
            "(encoder, encoders.tiny_vae.channels, encoders.tiny_vae.latent_channels, ...)",
        ),
        (
            {"objective": "v"},
            {"latent error", "PSNR, dB"},
            {"training loss", "validation loss"},
            "not of the same training loss (objective, ",
        ),
        (
            {"worlds.wall.size": 32},
            set(),
            {"latent error", "PSNR, dB", "goals reached", "reconstruction PSNR, dB"},
            "not of the same data (worlds.wall.size)",
        ),
        (
            {"evaluate.clips": 8},
            {"goals reached", "training loss"},
            {"PSNR, dB", "latent error"},
            "not of the same validation clips (evaluate.clips)",
        ),
        ({"plan.goals.count": 8}, {"PSNR, dB"}, {"goals reached"}, "goals (plan.goals.count)"),
    ],
)
def test_none_is_the_best_of_what_cannot_be_compared(here, change, marked, unmarked, note):
    measured_workspace(here / "a")
    better = {name: [value / 2 for value in values] for name, values in SCORES.items()}
    measured_workspace(
        here / "b",
        change,
        fit={"val_psnr": 36.0},
        train={"loss": 0.05, "validation_loss": 0.05},
        evaluate={"model": better},
        plan=BETTER,
    )
    told = as_json("a", "b")
    assert {name for name in marked if not told["metrics"][name]["best"]} == set()
    assert {name for name in unmarked if told["metrics"][name]["best"]} == set()
    assert (note or "") in "\n".join(told["notes"])
    assert bool(told["notes"]) == (note is not None)


def test_what_is_missing_or_damaged_is_said_and_the_rest_goes_on(here):
    measured_workspace(here / "a")
    folder = measured_workspace(here / "b")
    (folder / "results/dreams.npz").unlink()
    (folder / "metrics/fit.json").write_text("{")
    (folder / "metrics/plan.json").write_text('{"goals": 0, "skipped": "no simulator"}')
    told = as_json("a", "b")
    said = "\n".join(told["notes"])
    assert "b: results/dreams.npz is not there" in said
    assert "b/metrics/fit.json: not the metrics of fit" in said
    assert "b: nothing was planned: no simulator" in said
    assert told["metrics"]["reconstruction PSNR, dB"]["values"][1] is None
    assert told["metrics"]["goals reached"]["best"] == []
    assert told["metrics"]["PSNR, dB"]["values"][1] == {"value": 29.0, "low": None, "high": None}


def test_a_run_of_an_older_dvc_yaml_is_compared_as_far_as_it_goes(here):
    measured_workspace(here / "a")
    folder = measured_workspace(here / "b")
    text = (folder / "dvc.yaml").read_text()
    (folder / "dvc.yaml").write_text(text.replace("      plots/validation.csv\n", "", 1))
    told = as_json("a", "b")
    assert told["metrics"]["training loss"]["values"][1]["value"] == 0.1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a"], r"wm compare a: is one run; name two or more"),
        (["a", "a"], "a is named twice; name it once"),
        (["a", "empty"], r"empty: holds no params.yaml, so it is no workspace; name one"),
        (["a", "nowhere"], "nowhere: no such folder, and .* is no repository of DVC"),
        (["a", "wrong"], r"wrong: params.yaml: damaged \(.*; correct it, or compare another run"),
    ],
)
def test_what_is_no_run_is_one_line(here, words, message):
    measured_workspace(here / "a")
    (here / "empty").mkdir()
    measured_workspace(here / "wrong")
    (here / "wrong/params.yaml").write_text("encoder: tiny_vae\n")
    with pytest.raises(UserError, match=message):
        compare(*words)


def test_metrics_that_no_run_has_are_no_row(here):
    measured_workspace(here / "a")
    conditions = {name: scores for name, scores in EVALUATE.items() if isinstance(scores, dict)}
    seen = {name: {**scores, "fid": 4.0} for name, scores in conditions.items()}
    assert "FID" not in as_json("a", str(Path("a").resolve()))["metrics"]
    measured_workspace(here / "b", evaluate=seen)
    assert as_json("a", "b")["metrics"]["FID"]["values"][1]["value"] == 4.0


def test_metrics_that_are_older_than_the_params_are_said_to_be(here):
    measured_workspace(here / "a")
    folder = measured_workspace(here / "b", {"train.steps": 7})
    params = {
        "encoders.tiny_vae": {**PARAMS["encoders"]["tiny_vae"], "kl_weight": "1e-08"},  # DVC's
        "train": {**PARAMS["train"], "steps": 1600},
    }
    lock = {"schema": "2.0", "stages": {"train": {"cmd": "x", "params": {"params.yaml": params}}}}
    (folder / "dvc.lock").write_text(yaml.safe_dump(lock))
    notes = as_json("a", "b")["notes"]
    assert notes == ["b: train last ran with train.steps = 1600; its metrics are of that run"]
    (folder / "dvc.lock").write_text("stages: 3")
    with pytest.raises(UserError, match=r"b: dvc.lock: damaged \(.*; restore it, or compare"):
        compare("a", "b")


def test_the_best_of_what_looks_the_same_is_not_told(here):
    measured_workspace(here / "a")
    measured_workspace(here / "b", fit={"val_psnr": 35.01})
    measured_workspace(here / "c", fit={"val_psnr": 34.0})
    assert as_json("a", "b")["metrics"]["reconstruction PSNR, dB"]["best"] == []
    assert as_json("a", "b", "c")["metrics"]["reconstruction PSNR, dB"]["best"] == ["a", "b"]


def test_folders_have_the_shortest_names_that_tell_them_apart(here, monkeypatch):
    for name in ("one/a", "two/a", "two/b"):
        measured_workspace(here / name)
    assert as_json("one/a", "two/b")["runs"] == ["a", "b"]
    assert as_json("one/a", "two/a", "two/b/")["runs"] == ["one/a", "two/a", "b"]
    monkeypatch.chdir("two/a")
    assert as_json(".", "../b")["runs"] == ["workspace", "b"]
