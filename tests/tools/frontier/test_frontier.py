"""`wm frontier`: every point plans on the same model, and the cheapest of the good are found."""

import json
import shutil
from pathlib import Path

import pytest
import typer
from helpers import PARAMS, ROOT
from plan_helpers import plan_metrics
from typer.testing import CliRunner

from pipeline.errors import DataError, ParamsError
from pipeline.planners import PLANNERS
from pipeline.tools.frontier import Row, results, runs, undominated
from pipeline.tools.frontier.command import command
from pipeline.tools.frontier.points import EFFORTS, POINTS, Point
from pipeline.tools.frontier.runs import STAGE, Frontier, Request


def row(success, seconds, planner="cem", **changes):
    values = {"candidates": 16, "rounds": 4, "steps": 1, "execute": 1, **changes}
    low, high = max(success - 0.1, 0), min(success + 0.1, 1)
    return Row(planner=planner, success=success, low=low, high=high,
               cpu_seconds_per_replan=seconds, **values)  # fmt: skip


ROWS = [row(0.9, 1.2), row(0.7, 0.1, "mppi"), row(0.9, 0.4), row(0.6, 0.2), row(0.96, 2.0, "icem")]


@pytest.fixture
def trained(tmp_path):
    """A workspace whose model is there, as far as a path can tell."""
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    recipe = runs.Recipe(runs.dvc_yaml.stages(tmp_path / "dvc.yaml"), PARAMS)
    for path in recipe.inputs(STAGE):
        (tmp_path / path).mkdir(parents=True)
    return tmp_path


def laid_out(workspace, *only, seeds=1, **changes):
    request = Request(workspace / "out", workspace / "params.yaml", only, seeds, changes)
    return Frontier(request)


def test_every_point_accepts_what_params_yaml_does_or_what_is_asked_for(trained):
    def accepted(**changes):
        runs = laid_out(trained, **changes).runs.values()
        return {run.recipe.values["plan"]["accept"] for (run,) in runs}

    assert accepted() == {PARAMS["plan"]["accept"]}
    assert accepted(**{"plan.accept": 0.0}) == {0.0}


def test_the_default_is_one_of_the_points():
    block = PARAMS["planners"][PARAMS["planner"]]
    steps = PARAMS["plan"]["sampling"]["steps"]
    default = Point(PARAMS["planner"], block["candidates"], block["rounds"], steps)
    assert default in POINTS
    assert default.changes(block)["planners.icem.elites"] == block["elites"]


def test_the_frontier_is_what_no_cheaper_point_reaches():
    best = undominated(ROWS)
    assert [(each.success, each.cpu_seconds_per_replan) for each in best] == [
        *((0.7, 0.1), (0.9, 0.4), (0.96, 2.0))
    ]
    assert undominated(ROWS[::-1]) == best
    assert undominated([row(0.5, 0.1), row(0.6, 0.1)]) == [row(0.6, 0.1)]


def test_a_table_is_read_as_it_was_written(tmp_path):
    results.write_csv(ROWS, tmp_path / "frontier.csv")
    assert Row.read(tmp_path / "frontier.csv") == ROWS
    header = (tmp_path / "frontier.csv").read_text().splitlines()[0]
    assert header == (
        "planner,candidates,rounds,steps,execute,success,low,high,cpu_seconds_per_replan"
    )
    (tmp_path / "other.csv").write_text("step,loss\n1,2\n")
    with pytest.raises(DataError, match=r"other\.csv: no table of planners \(line 2: planner: Fi"):
        Row.read(tmp_path / "other.csv")


def test_a_table_that_is_there_is_plotted_without_planning(tmp_path):
    results.write_csv(ROWS, tmp_path / "measured.csv")
    app = typer.Typer()
    app.command()(command)
    words = [str(tmp_path / "out"), "--table", str(tmp_path / "measured.csv")]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.output.count("* │") == 3
    first = (tmp_path / "out/frontier.svg").read_bytes()
    assert first.startswith(b"<?xml")
    assert first == results.plot(ROWS)


def test_points_are_of_planners_that_there_are_and_of_keys_that_they_have():
    assert set(EFFORTS) <= set(PLANNERS.names())
    for point in POINTS:
        assert point.changes(PARAMS["planners"][point.planner])
    assert len({point.name for point in POINTS}) == len(POINTS)


def test_a_point_changes_its_planner_and_nothing_that_the_model_hangs_on(trained):
    frontier = laid_out(trained, "gradient", seeds=2)
    point = Point("gradient", 8, 2, 1)
    values = [run.recipe.values for run in frontier.runs[point]]
    assert [each["plan"]["seed"] for each in values] == [0, 1]
    block = values[0]["planners"]["gradient"]
    assert (values[0]["planner"], block["starts"], block["steps"]) == ("gradient", 8, 2)
    assert values[0]["plan"]["sampling"]["steps"] == 1
    run = frontier.runs[point][0]
    run._link(run.recipe.inputs(STAGE))
    model = run.folder / "models/wall/tiny_vae/world_model"
    assert model.resolve() == (trained / "models/wall/tiny_vae/world_model").resolve()


def test_elites_are_a_share_of_the_candidates(trained):
    frontier = laid_out(trained, "cem")
    elites = {
        point.candidates: runs[0].recipe.values["planners"]["cem"]["elites"]
        for point, runs in frontier.runs.items()
    }
    assert elites == {16: 3, 20: 4}


def measured(run, *numbers, **reached):
    (run.folder / "metrics").mkdir(parents=True)
    (run.folder / "metrics/plan.json").write_text(json.dumps(plan_metrics(*numbers, **reached)))


def test_success_is_over_the_goals_of_all_seeds(trained):
    frontier = laid_out(trained, "random_shooting", seeds=2, **{"plan.execute": 2})
    for pair in frontier.runs.values():
        for run, planner in zip(pair, (40, 30), strict=True):
            measured(run, planner=planner)
    rows = frontier.rows()
    assert [(each.candidates, each.steps) for each in rows] == [(64, 1)]
    assert {(each.success, each.execute, each.rounds) for each in rows} == {(0.7, 2, 1)}
    assert rows[0].low == pytest.approx(0.604, abs=1e-3)  # of 70 in 100
    assert rows[0].cpu_seconds_per_replan == 0.75


def test_what_cannot_be_tried_is_refused_before_any_work(trained, tmp_path):
    with pytest.raises(ParamsError, match="'cen' is not tried; did you mean cem"):
        laid_out(trained, "cen")
    with pytest.raises(ParamsError, match=r"^--set train\.steps: only keys of plan may change"):
        runs.changes(["train.steps=5"])
    with pytest.raises(ParamsError, match=r"^--set plan\.seed: only keys of plan may change, but"):
        runs.changes(["plan.seed=5"])
    with pytest.raises(ParamsError, match=r"'plan' is not KEY=VALUE"):
        runs.changes(["plan"])
    with pytest.raises(ParamsError, match=r"no key plan\.exekute to change; did you mean execute"):
        laid_out(trained, **{"plan.exekute": 2})
    shutil.rmtree(trained / "models/wall/tiny_vae/world_model")
    with pytest.raises(DataError, match="world_model: no such file; `wm run train` makes it"):
        laid_out(trained)
    assert not Path(trained / "out").exists()


@pytest.mark.slow
def test_a_point_is_run_once_by_the_command_of_dvc_yaml(workspace, monkeypatch):
    monkeypatch.setattr(runs, "POINTS", (Point("random_shooting", 4, 1, 1),))
    monkeypatch.chdir(workspace)
    app = typer.Typer()
    app.command()(command)
    first, second = (
        CliRunner().invoke(app, ["out", "--jobs", "1"], catch_exceptions=False).output
        for _ in range(2)
    )
    assert "random_shooting-4x1-1-steps/seed-0: " in first
    assert "seed-0: " not in second
    (measured,) = Row.read(workspace / "out/frontier.csv")
    assert (measured.planner, measured.candidates) == ("random_shooting", 4)
