"""Planning in the Wall world, with a model that knows its physics and one that knows nothing."""

import csv
import json

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
from pipeline.plan import Options, results
from pipeline.plan.controllers import NoOp, Outcome, attempt
from pipeline.plan.mpc import Mpc
from pipeline.plan.plan import plan
from pipeline.plan.tasks import draw_tasks
from pipeline.planners import PLANNERS
from pipeline.probe.support import plannable
from pipeline.worlds import WORLDS


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


class Physics:
    """A world model of a free dot: it moves by twice its actions."""

    def __init__(self, spec, interval):
        self.spec = spec
        self.config = type("Config", (), {"interval": interval})

    def rollout(self, history, actions, noise, sampling):
        moves = 2 * actions.sum(2).cumsum(1)[..., None, None]
        return self.spec.whiten(self.spec.unwhiten(history[:, -1:]) + moves)


class Blind(Physics):
    """A world model that ignores actions."""

    def rollout(self, history, actions, noise, sampling):
        return history[:, -1:].expand(-1, actions.shape[1], -1, -1, -1)


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


def options(**changes):
    return Options.model_validate({**PARAMS["plan"], "goals": 24, "recorded": 2, **changes})


def run(world, cache, model, **changes):
    module, cem_options = default(PLANNERS, "cem", rounds=6)
    limits = options(**changes)
    mpc = Mpc(model, Position(), module.build(cem_options), sampling(steps=1), limits)
    return plan(world, cache, mpc, limits)


def test_a_model_that_knows_the_physics_reaches_most_goals(world, cache):
    tasks, outcomes, scores = run(world, cache, Physics(cache.spec, 5))
    planner, random = scores.planner, scores.controllers["random"]
    assert planner.success_rate >= max(0.8, random.success_rate + 0.4)
    assert scores.controllers["replay"].success_rate == 1
    noop = scores.controllers["noop"]
    assert (noop.success_rate, noop.steps, noop.won, noop.lost) == (0, None, planner.reached, 0)
    assert scores.goals == len(tasks) == 24
    assert planner.success_interval[0] < planner.success_rate <= planner.success_interval[1]
    assert [group.goals for group in scores.by_distance] == [6, 6, 6, 6]
    ends = [end for group in scores.by_distance for end in (group.low, group.high)]
    assert ends == sorted(ends)
    shares = [group.success["planner"] * group.goals for group in scores.by_distance]
    assert sum(shares) == pytest.approx(planner.reached)
    assert [len(o.frames) > 0 for o in outcomes["planner"]] == [True] * 2 + [False] * 22


def test_the_cost_of_a_plan_is_the_distance_of_its_last_frame_to_the_goal(world, cache):
    seen = {}

    class Curious:
        def plan(self, cost, start, generator):
            plans = torch.randn((3, *start.shape), generator=generator)
            seen["plans"], seen["costs"] = plans, cost(plans)
            return plans[0]

    model = Physics(cache.spec, 5)
    mpc = Mpc(model, Position(), Curious(), sampling(steps=1), options(horizon=2, execute=1))
    (task,), _ = draw_tasks(world, cache, 1, steps=10, seed=0)
    world.restore(task.start, task.meta)
    executed = mpc.act(world.render(), task)
    spec = cache.spec
    actions = seen["plans"].unflatten(-1, (5, 2)) * spec.action("std", seen["plans"])
    actions = (actions + spec.action("mean", actions)).clamp(
        spec.action("min", actions), spec.action("max", actions)
    )
    here, goal = (mpc._encode(frame) for frame in (world.render(), task.goal_frame))
    end = here + (2 * actions.sum((1, 2)) / torch.tensor(spec.std))[..., None, None]
    torch.testing.assert_close(seen["costs"], (end - goal).square().mean((1, 2, 3)))
    np.testing.assert_allclose(executed, actions[0, 0].numpy(), rtol=1e-6)


def test_a_model_that_ignores_actions_does_no_better_than_chance(world, cache):
    _, _, scores = run(world, cache, Blind(cache.spec, 5))
    assert scores.planner.success_rate <= scores.controllers["random"].success_rate + 0.2


def test_the_same_seed_gives_the_same_outcomes(world, cache):
    first, second = (run(world, cache, Physics(cache.spec, 5), goals=4)[1] for _ in range(2))
    for name in first:
        assert [(o.success, o.distance, o.steps) for o in first[name]] == [
            (o.success, o.distance, o.steps) for o in second[name]
        ]


def test_no_controller_takes_more_steps_than_its_budget(world, cache):
    (task,), _ = draw_tasks(world, cache, 1, steps=10, seed=0)
    outcome = attempt(world, task, NoOp(7), budget=10, record=True)
    assert (outcome.steps, outcome.success, len(outcome.frames)) == (10, False, 11)
    assert outcome.distance == world.distance(task.start, task.goal)


def test_goals_are_replayed_and_never_solved_at_the_start(world, cache):
    tasks, rejected = draw_tasks(world, cache, 40, steps=3, seed=0)
    assert rejected > 0
    for task in tasks:
        assert not world.success(task.start, task.goal)
        world.restore(task.start, task.meta)
        for action in task.actions:
            world.step(action)
        np.testing.assert_array_equal(world.snapshot(), task.goal)
        np.testing.assert_array_equal(world.render(), task.goal_frame)
    val = {cache.seal.episodes[episode].key for episode in cache.episodes("val")}
    assert {task.episode for task in tasks} <= val


def test_goals_further_than_an_episode_is_long_are_refused(world, cache):
    with pytest.raises(
        ParamsError, match=r"plan.goal_frames puts goals 30 steps .* the longest valid"
    ):
        draw_tasks(world, cache, 4, steps=30, seed=0)


def test_goals_that_are_all_solved_already_are_refused(world, cache, monkeypatch):
    monkeypatch.setattr(world, "success", lambda state, goal: True)
    with pytest.raises(DataError, match=r"solved at the start; raise plan.goal_frames"):
        draw_tasks(world, cache, 2, steps=5, seed=0)


def test_every_goal_has_its_row_and_the_videos_their_frames(world, cache, tmp_path):
    tasks, outcomes, scores = run(world, cache, Physics(cache.spec, 5), goals=6)
    results.write_rows(world, tasks, outcomes, tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["episode"] for row in rows] == [task.episode for task in tasks]
    solved = sum(int(row["planner_success"]) for row in rows)
    assert solved / 6 == pytest.approx(scores.planner.success_rate)
    results.write_videos(tasks, outcomes["planner"], tmp_path / "films.npz")
    with np.load(tmp_path / "films.npz") as videos:
        assert videos["frames"].shape[2:] == (64, 64, 3)
        assert videos["goals"].shape == (2, 64, 64, 3)
        steps = [outcome.steps + 1 for outcome in outcomes["planner"][:2]]
        assert videos["lengths"].tolist() == steps


def test_a_row_counts_goals_won_and_lost_against_the_planner():
    planner, other = (
        [Outcome(success, float(number), 10 * number) for number, success in enumerate(successes)]
        for successes in ((True, True, False, True), (False, True, True, False))
    )
    row = results.controller_row(other, planner)
    assert (row.success_rate, row.won, row.lost, row.goals) == (0.5, 2, 1, 4)
    assert (row.distance, row.steps) == (1.5, 15)


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


def test_a_stage_that_cannot_plan_writes_the_reason_and_empty_outputs(tmp_path):
    paths = [tmp_path / name for name in ("plan.json", "goals.csv", "films.npz")]
    results.write_skipped("it rains", *paths)
    assert json.loads(paths[0].read_text()) == {"goals": 0, "skipped": "it rains"}
    assert paths[1].read_text() == "episode,step,start_distance,planner_distance\n"
    with np.load(paths[2]) as videos:
        assert len(videos["frames"]) == len(videos["goals"]) == len(videos["lengths"]) == 0
