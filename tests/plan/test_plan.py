"""Planning in the Wall world, with a model that knows its physics and one that knows nothing."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from planning_helpers import INTERVAL, Blind, Physics, options, parts, rate, run, source

from pipeline.errors import DataError
from pipeline.metrics.schema.plan import Listening
from pipeline.plan import results
from pipeline.plan.build import build_controllers
from pipeline.plan.controllers import attempt
from pipeline.plan.listening import remark
from pipeline.plan.results import Outcome
from pipeline.plan.run import run as run_stage
from pipeline.plan.to_image import plan_to, read_picture
from pipeline.probe.support import plannable


def test_a_model_that_knows_the_physics_reaches_most_goals(world, cache):
    _, runs = run(world, cache, Physics, success="chunk")
    assert rate(runs["planner"]) >= max(0.8, rate(runs["random"]) + 0.4)
    assert rate(runs["replay"]) == 1
    assert rate(runs["noop"]) == 0
    assert rate(runs["straight"]) >= 0.8


def test_a_model_that_ignores_actions_does_no_better_than_chance(world, cache):
    _, runs = run(world, cache, Blind)
    assert rate(runs["planner"]) <= rate(runs["random"]) + 0.2


@pytest.mark.parametrize(
    ("form", "metric"),
    [("state", "mse"), ("pixels", "mse"), ("latent", "mse"), ("latent", "readout")],
)
def test_the_perfect_simulator_reaches_goals_under_the_same_planner(world, cache, form, metric):
    limits = options(simulator=[form], distance={"metric": metric}, count=8)
    tasks = source(world, cache, limits).draw()
    search = {"candidates": 24, "elites": 4, "rounds": 4}
    built = build_controllers(parts(world, cache, Blind, limits, **search))
    (planner,) = built.simulators.values()
    runs = attempt(world, tasks, planner, limits.budget_frames * INTERVAL, limits.success)
    assert rate(runs) >= 0.75


def test_the_stage_writes_scores_a_row_for_each_goal_and_films(world, cache, tmp_path):
    limits = options(count=6, simulator=["state"])
    paths = [tmp_path / name for name in ("plan.json", "goals.csv", "films.npz")]
    scores = run_stage(parts(world, cache, Physics, limits), *paths)
    names = ["planner", "noop", "random", "straight", "nearest", "nearest_replay"]
    names += ["inverse", "replay"]
    assert list(scores.controllers) == [*names, "simulator_state"]
    assert scores.goals == 6
    assert scores.planner.success_interval[0] < scores.planner.success_rate
    with paths[1].open() as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["planner_success"]) for row in rows) == scores.planner.reached
    with np.load(paths[2]) as films:
        count, longest = films["frames"].shape[:2]
        assert (count, films["lengths"].max()) == (4, longest)
        assert films["imagined"].shape[:3] == (4, films["replans"].shape[1], 2)
        rounds = 7  # the last one costs what the search ends with
        assert films["costs"].shape == (*films["replans"].shape, rounds)
        assert (films["replans"][:, 0] == 0).all()
        assert films["interval"] == 5
        assert np.isnan(films["costs"]).any(2).tolist() == (films["replans"] < 0).tolist()
    first = json.loads(paths[0].read_text())
    again = run_stage(parts(world, cache, Physics, limits), *paths)
    assert again.controllers == scores.controllers
    assert first["controllers"] == json.loads(paths[0].read_text())["controllers"]


@pytest.mark.parametrize(("own", "deaf"), [(0.1, False), (0.95, True)])
def test_a_model_that_does_not_listen_is_named(own, deaf):
    line = remark(Listening(own=own, shuffled=1.0))
    assert (line is not None) == deaf


def test_a_row_counts_goals_won_and_lost_against_the_planner():
    planner, other = (
        [Outcome(success, float(number), 10 * number) for number, success in enumerate(successes)]
        for successes in ((True, True, False, True), (False, True, True, False))
    )
    row = results.controller_row(other, planner)
    assert (row.success_rate, row.won, row.lost, row.goals) == (0.5, 2, 1, 4)
    assert (row.distance, row.steps) == (1.5, 15)


def test_a_stage_that_cannot_plan_writes_the_reason_and_empty_outputs(tmp_path):
    paths = [tmp_path / name for name in ("plan.json", "goals.csv", "films.npz")]
    results.write_skipped("it rains", *paths)
    assert json.loads(paths[0].read_text()) == {"goals": 0, "skipped": "it rains"}
    assert paths[1].read_text() == "episode,step,start_distance,planner_distance\n"
    with np.load(paths[2]) as films:
        assert len(films["frames"]) == len(films["goals"]) == len(films["lengths"]) == 0


class Camera:
    """A recorder of what it cannot replay."""

    def collect(self, episodes, steps, seed):
        return iter(())


def test_worlds_that_cannot_be_restored_are_not_planned_in(world, cache):
    assert plannable(world, cache.spec) is world
    assert "records, but cannot be put into a recorded state" in plannable(Camera(), cache.spec)
    other = cache.spec.model_copy(update={"state_dim": 7})
    assert "states have 7 numbers, but the simulator of wall is restored from 2" in plannable(
        world, other
    )


def test_a_picture_of_any_size_can_be_the_goal(world, cache, tmp_path):
    limits = options(success="end")
    (task,) = source(world, cache, options(count=1)).draw()
    Image.fromarray(task.goal_frame).resize((96, 96)).save(tmp_path / "goal.png")
    run = plan_to(parts(world, cache, Physics, limits), tmp_path / "goal.png", tmp_path / "f.webp")
    assert run.steps == 4 * INTERVAL
    ends = world.distance(run.states[-1], task.goal), world.distance(run.states[0], task.goal)
    assert ends[0] < ends[1]
    with Image.open(tmp_path / "f.webp") as film:
        assert film.size == (3 * 130, 3 * 64)
        assert 1 < film.n_frames <= run.steps + 1


def test_what_is_no_picture_is_refused_in_one_line(tmp_path):
    (tmp_path / "goal.png").write_text("no picture")
    with pytest.raises(DataError, match=r"goal.png: .*; give a PNG or JPEG picture of the goal"):
        read_picture(tmp_path / "goal.png", (64, 64))
