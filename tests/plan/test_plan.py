"""Planning in the Wall world, with a model that knows its physics and one that knows nothing."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from encode_helpers import encoded
from helpers import PARAMS, default
from ingest_helpers import ingested
from train_helpers import sampling

from pipeline.encoders import Posterior
from pipeline.errors import DataError, ParamsError
from pipeline.latents.cache import open_cache
from pipeline.metrics.schema.plan import Listening
from pipeline.plan import Options, results
from pipeline.plan.build import Parts, build_controllers
from pipeline.plan.controllers import NoOp, Run, attempt
from pipeline.plan.listening import remark
from pipeline.plan.plan import plan
from pipeline.plan.results import Outcome
from pipeline.plan.run import run as run_stage
from pipeline.plan.tasks import TaskSource
from pipeline.planners import PLANNERS
from pipeline.probe.support import plannable
from pipeline.worlds import WORLDS

INTERVAL = 5


class Position:
    """Encodes a frame as the position of its dot, [2, 1, 1]: a latent with known physics."""

    stochastic = False
    published_scale = None

    def to(self, device):
        return self

    def encode(self, frames):
        red = frames[:, 0].float()
        side = red.shape[-1]
        grid = (torch.arange(side) + 0.5) * 65 / side - 0.5
        total = red.sum((1, 2))
        x, y = (red.sum(1) @ grid) / total, (red.sum(2) @ grid) / total
        return Posterior(torch.stack([x, y], 1)[..., None, None], None)

    def decode(self, latents):
        return torch.zeros((len(latents), 3, 64, 64), dtype=torch.uint8)


class Physics:
    """A world model of a free dot: it moves by twice its actions."""

    device = torch.device("cpu")

    def __init__(self, spec):
        self.spec = spec
        self.config = type("Config", (), {"interval": INTERVAL, "frames": 4})

    def rollout(self, history, actions, noise, sampling, prefix=None):
        new = actions[:, history.shape[1] - 1 :]
        moves = 2 * new.sum(2).cumsum(1)[..., None, None]
        return self.spec.whiten(self.spec.unwhiten(history[:, -1:]) + moves)


class Blind(Physics):
    """A world model that ignores actions."""

    def rollout(self, history, actions, noise, sampling, prefix=None):
        new = actions.shape[1] - history.shape[1] + 1
        return history[:, -1:].expand(-1, new, -1, -1, -1)


class Reader:
    """A probe that reads the position off its latent, and proposes to go straight there."""

    def __init__(self, spec):
        self.spec = spec

    def coordinates(self, latents):
        return self.spec.unwhiten(latents)[..., 0, 0]

    def proposals(self, now, goal, frames_left):
        each = (goal - now) / (2 * INTERVAL * frames_left[:, None])
        frames = int(frames_left.max())
        std, mean = (self.spec.action(name, each) for name in ("std", "mean"))
        return ((each - mean) / std).repeat(1, INTERVAL)[:, None].expand(-1, frames, -1)


@pytest.fixture(scope="module")
def world():
    module, options = default(WORLDS, "wall", crossing=0)
    return module.build(options)


@pytest.fixture(scope="module")
def cache(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plan")
    episodes = list(world.collect(20, 30, seed=0))
    ingested(episodes, folder / "shards", normalise_actions=False, train_share=0.5, split_seed=0)
    encoded(folder / "shards", Position, folder / "latents.zarr")
    return open_cache(folder / "latents.zarr")


def options(count=24, frames=(2, 2), **changes):
    goals = {"count": count, "source": "dataset", "frames": frames, "detour": None}
    distance = {**PARAMS["plan"]["distance"], **changes.pop("distance", {})}
    limits = {"budget_frames": 4, "horizon": 2, "max_trivial": 1.0, "recorded": 4, "simulator": []}
    proposals = {"nearest": 0, "inverse": 0}
    values = {**PARAMS["plan"], **limits, "goals": goals, "proposals": proposals, **changes}
    return Options.model_validate({**values, "distance": distance})


def parts(world, cache, model, limits, **planner):
    module, cem_options = default(PLANNERS, "cem", **{"candidates": 64, "elites": 8, "rounds": 6})
    steps = sampling(steps=1)
    return Parts(
        *(world, cache, model(cache.spec), Position(), Reader(cache.spec)),
        *(module.build(cem_options), steps, limits),
    )


def source(world, cache, limits):
    return TaskSource(world, cache, limits.goals, INTERVAL, limits.context, limits.seed)


def run(world, cache, model, **changes):
    limits = options(**changes)
    tasks = source(world, cache, limits).draw()
    controllers = build_controllers(parts(world, cache, model, limits))
    return tasks, plan(world, cache, tasks, controllers, limits)


def rate(runs):
    return sum(run.success for run in runs) / len(runs)


def test_a_model_that_knows_the_physics_reaches_most_goals(world, cache):
    _, runs = run(world, cache, Physics, success="chunk")
    assert rate(runs["planner"]) >= max(0.8, rate(runs["random"]) + 0.4)
    assert rate(runs["replay"]) == 1
    assert rate(runs["noop"]) == 0
    assert rate(runs["straight"]) >= 0.8


def test_a_model_that_ignores_actions_does_no_better_than_chance(world, cache):
    _, runs = run(world, cache, Blind)
    assert rate(runs["planner"]) <= rate(runs["random"]) + 0.2


@pytest.mark.parametrize("metric", ["mse", "readout"])
@pytest.mark.parametrize("form", ["state", "latent", "pixels"])
def test_the_perfect_simulator_reaches_goals_under_the_same_planner(world, cache, form, metric):
    changes = {"simulator": [form], "distance": {"metric": metric}, "count": 8}
    _, runs = run(world, cache, Blind, **changes)
    assert rate(runs[f"simulator_{form}"]) >= 0.75


@pytest.mark.parametrize("proposals", [{"nearest": 3, "inverse": 0}, {"nearest": 0, "inverse": 2}])
def test_proposals_are_among_the_first_candidates(world, cache, proposals):
    seen = []

    class Curious:
        def plan(self, problem):
            seen.append(problem.initial)
            problem.cost(problem.initial)
            return type(
                "Solution",
                (),
                {
                    "plans": problem.initial[:, 1],
                    "costs": torch.zeros(1, len(problem.initial)),
                },
            )

    limits = options(count=4, proposals=proposals)
    tasks = source(world, cache, limits).draw()
    built = build_controllers(replace(parts(world, cache, Physics, limits), planner=Curious()))
    runs = attempt(world, tasks, built.planner, 20, "step")
    assert seen[0].shape == (4, 1 + sum(proposals.values()), 2, INTERVAL * 2)
    assert (seen[0][:, 0] == 0).all()
    assert (seen[0][:, 1] != 0).any()
    if len(seen) > 1:  # the rest of the last plan, then zeros
        going = [row for row, run in enumerate(runs) if run.steps > INTERVAL]
        torch.testing.assert_close(seen[1][:, 0, 0], seen[0][going, 1, 1])
        assert (seen[1][:, 0, 1] == 0).all()


def test_the_nearest_stretch_of_a_training_episode_is_its_own(world, cache):
    limits = options(frames=(2, 2), distance={"metric": "readout"})
    stretches = build_controllers(parts(world, cache, Physics, limits)).proposer.stretches
    episode = cache.episodes("train")[3]
    first = int(cache.starts[episode]) + 4
    meta = cache.seal.episodes[episode].meta
    start, goal = cache.states[first], cache.states[first + 2 * INTERVAL]
    (task,) = source(world, cache, options(count=1)).draw()
    frame = world.draw(goal[None], meta)[0]
    task = replace(task, states=start[None], goal=goal, goal_frame=frame, meta=meta)
    plans = stretches.nearest([Run(0, task, [start])], 3, 2)
    recorded = cache.actions[first : first + 3 * INTERVAL].reshape(3, INTERVAL, 2)
    torch.testing.assert_close(plans[0, 0], stretches.space.standardised(recorded))
    assert plans.shape == (1, 2, 3, 2 * INTERVAL)


@pytest.mark.parametrize("rule", ["step", "chunk", "end"])
def test_a_goal_counts_as_reached_when_the_rule_says(world, cache, rule):
    class Past:
        """Passes the goal in the middle of a chunk and goes on."""

        def act(self, runs, budget):
            return [np.tile(np.float32([1.5, 0]), (INTERVAL, 1)) for _ in runs]

    (task,) = source(world, cache, options(count=1)).draw()
    start, goal = np.float32([8, 20]), np.float32([14, 20])
    task = replace(task, states=start[None], goal=goal, meta={"wall": 45.0, "door": 30.0})
    (result,) = attempt(world, [task], Past(), INTERVAL, rule)
    assert result.success == (rule == "step")
    assert result.steps == (1 if rule == "step" else INTERVAL)


def test_the_horizon_is_never_longer_than_the_budget_that_is_left(world, cache):
    horizons = []

    class Curious:
        def plan(self, problem):
            horizons.append(problem.initial.shape[2])
            costs = torch.zeros(1, len(problem.initial))
            return type("Solution", (), {"plans": problem.initial[:, 0], "costs": costs})

    limits = options(count=2, horizon=3, budget_frames=4)
    tasks = source(world, cache, limits).draw()
    built = build_controllers(replace(parts(world, cache, Blind, limits), planner=Curious()))
    attempt(world, tasks, built.planner, 4 * INTERVAL, "end")
    assert horizons == [3, 3, 2, 1]


def test_a_run_does_not_depend_on_the_others(world, cache):
    limits = options(count=4)
    tasks = source(world, cache, limits).draw()

    def planned(chosen):
        planner = build_controllers(parts(world, cache, Physics, limits)).planner
        return attempt(world, chosen, planner, 20, "end")

    together, alone = planned(tasks), planned(tasks[:1])
    np.testing.assert_allclose(together[0].actions, alone[0].actions, atol=1e-5)


def test_goals_too_easy_to_measure_planning_are_refused(world, cache):
    with pytest.raises(ParamsError, match=r"straight reaches 2\d of 24 goals, more than plan.max_"):
        run(world, cache, Physics, max_trivial=0.5)


def test_no_controller_takes_more_steps_than_its_budget(world, cache):
    tasks = source(world, cache, options(count=1)).draw()
    (result,) = attempt(world, tasks, NoOp(7), 10, "chunk")
    assert (result.steps, result.success, len(result.states)) == (10, False, 11)


def test_goals_are_replayed_and_never_solved_at_the_start(world, cache):
    draws = source(world, cache, options(count=40, frames=(1, 2), context=2))
    tasks = draws.draw()
    assert draws.solved > 0
    for task in tasks:
        assert not world.success(task.start, task.goal)
        assert task.states.shape == (2, 2)
        parts = ((task.states[0], task.past[0], task.start), (task.start, task.actions, task.goal))
        for begin, actions, end in parts:
            world.restore(begin, task.meta)
            for action in actions:
                world.step(action)
            np.testing.assert_array_equal(world.snapshot(), end)
        np.testing.assert_array_equal(world.render(), task.goal_frame)
    val = {cache.seal.episodes[episode].key for episode in cache.episodes("val")}
    assert {task.episode for task in tasks} <= val


def test_random_goals_are_behind_the_wall_if_that_is_wanted(world, cache):
    goals = {"count": 8, "source": "random", "frames": [1, 1], "detour": True}
    tasks = source(
        world,
        cache,
        options().model_copy(
            update={"goals": Options.model_fields["goals"].annotation.model_validate(goals)}
        ),
    ).draw()
    for task in tasks:
        world.restore(task.start, task.meta)
        assert world.detour(task.goal)
        assert task.actions.shape == (0, 2)


def test_goals_further_than_an_episode_is_long_are_refused(world, cache):
    limits = options(count=4, frames=(6, 6), budget_frames=6)
    with pytest.raises(ParamsError, match=r"plan.context need 30 steps .* the longest valid"):
        source(world, cache, limits).draw()


def test_goals_that_are_all_solved_already_are_refused(world, cache, monkeypatch):
    monkeypatch.setattr(type(world), "success", lambda self, state, goal: True)
    with pytest.raises(DataError, match=r"solved at the start\); raise plan.goals.frames"):
        source(world, cache, options(count=2)).draw()


def test_the_stage_writes_scores_a_row_for_each_goal_and_films(world, cache, tmp_path):
    limits = options(count=6, simulator=["state"])
    paths = [tmp_path / name for name in ("plan.json", "goals.csv", "films.npz")]
    scores = run_stage(parts(world, cache, Physics, limits), *paths)
    names = ["planner", "noop", "random", "straight", "nearest", "inverse", "replay"]
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
