"""A policy learnt in imagination of a small random model, and tried in a toy of a walking robot."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from helpers import PARAMS
from policy_helpers import PERIOD, SPEED, Toy, toy_cache, toy_model

from pipeline.episodes.groups import OBSERVED, POLICY
from pipeline.errors import DataError, ParamsError
from pipeline.families import STATE
from pipeline.imagination.environments import Stepped
from pipeline.imagination.options import Options as ImaginationOptions
from pipeline.imagination.options import Weights
from pipeline.metrics.schema.policy import PolicyMetrics, PolicySkipped
from pipeline.params import read
from pipeline.policy import Options, starts, worker
from pipeline.policy.__main__ import command
from pipeline.policy.actor import Actor, ActorConfig
from pipeline.policy.judging import imagined_return
from pipeline.policy.simulated import Simulated
from pipeline.policy.walking import distance, walks
from pipeline.train.checkpoint import Checkpoint

pytest.importorskip("rsl_rl")


def settings_with(environments=6, **policy):
    block = PARAMS["policy"]
    block = {
        **block,
        "method": "ppo",
        "imagination": {**block["imagination"], "environments": environments, "steps": 7},
        "simulated": 3,
        "ppo": {**block["ppo"], **QUICK},
        "imitation": {**block["imitation"], "steps": 5},
        "trial": {"episodes": 4, "steps": 9},
        **policy,
    }
    values = {**PARAMS, "encoder": STATE, "policy": block}
    Path("params.yaml").write_text(yaml.safe_dump(values))
    return read(Path("params.yaml"))


SIMULATOR = SimpleNamespace(build=Toy)
QUICK = {"iterations": 5, "critic_first": 1, "steps": 6, "widths": [8], "save_every": 2}
TRIED = {"policy", "random", "standing", "collecting"}


@pytest.fixture
def paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    toy_model(toy_cache(Path("latents.zarr")).spec).save_pretrained("model")
    names = ("latents.zarr", "model", "policy", "policy.json")
    return worker.Paths(*map(Path, names), None)


@pytest.mark.parametrize("environments", [6, 0], ids=["imagined", "simulated"])
def test_the_stage_learns_writes_and_tries_a_policy(environments, paths):
    worker.work(settings_with(environments), SIMULATOR, paths)
    metrics = PolicyMetrics.read(paths.metrics)
    assert metrics.imagined == environments
    assert metrics.steps == 5 * 6 * (environments or 3)
    assert set(metrics.controllers) == {*TRIED, "imitation"}
    assert metrics.controllers["standing"].falls == 0
    assert metrics.controllers["standing"].distance < 0.01
    assert metrics.controllers["collecting"].falls == 0.25
    actor = Actor.from_pretrained(paths.out)
    seen = actor(torch.zeros(2, POLICY.width))
    assert seen.shape == (2, 12)
    assert seen.abs().max() <= 1


@pytest.mark.parametrize("environments", [6, 0], ids=["imagined", "simulated"])
def test_killed_and_resumed_equals_uninterrupted(environments, paths):
    from pipeline.policy.ppo import learn

    parts = worker.load(settings_with(environments), SIMULATOR, paths)
    ends = torch.from_numpy(Toy.low), torch.from_numpy(Toy.high)
    options = parts.options.ppo
    config = ActorConfig(observation_dim=48, widths=[8], low=[-1.0] * 12, high=[1.0] * 12)
    given = worker.imitator(parts, config).state_dict(), 0.5, worker.held_out(parts, config)
    assert (given[2] is None) == (not environments)
    begin = worker.environments(parts, *ends)
    whole = learn(begin, options, 0, Checkpoint(Path("whole")), *given)
    for iterations in (3, 5):  # the first run ends after its state of two iterations
        part = options.model_copy(update={"iterations": iterations})
        again = learn(begin, part, 0, Checkpoint(Path("killed")), *given)
    assert (again.kept, again.rewards) == (whole.kept, whole.rewards)
    assert all(torch.equal(again.actor[name], whole.actor[name]) for name in whole.actor)


@pytest.mark.parametrize("anchor", [0.0, 100.0])
def test_ppo_finds_what_is_rewarded_but_where_it_is_held_to_what_it_began_with(anchor, tmp_path):
    """The reward is that the first action is near .6."""
    from pipeline.policy import Ppo
    from pipeline.policy.ppo import learn
    from pipeline.policy.vec_env import Environment

    class Bandit:
        def __len__(self):
            return 64

        def observation(self):
            return torch.ones(64, POLICY.width)

        def step(self, action):
            never = torch.zeros(64, dtype=torch.bool)
            reward = -(action[:, 0] - 0.6).square()
            return Stepped(self.observation(), reward, never, never, {})

    block = {**PARAMS["policy"]["ppo"], "iterations": 40, "widths": [8], "entropy": 0.0}
    block |= {"critic_first": 0, "learning_rate": 1e-3, "kl": 0.01, "std": 0.5}
    ends = -torch.ones(12), torch.ones(12)
    config = ActorConfig(observation_dim=48, widths=[8], low=[-1.0] * 12, high=[1.0] * 12)
    torch.manual_seed(0)
    actor = Actor(config)
    begun = actor(torch.ones(1, 48))[0, 0].item()
    assert abs(begun - 0.6) > 0.3
    learnt = learn(
        lambda _: Environment(Bandit(), *ends, 10), Ppo(**block), 0, Checkpoint(tmp_path),
        actor.state_dict(), anchor,
    )  # fmt: skip
    actor.load_state_dict(learnt.actor)
    expected = begun if anchor else 0.6
    assert actor(torch.ones(1, 48))[0, 0].item() == pytest.approx(expected, abs=0.15)
    assert (learnt.rewards[-1] > learnt.rewards[0] / 4) == (not anchor)


def test_at_first_the_critic_learns_alone(paths):
    from pipeline.policy.ppo import learn

    parts = worker.load(settings_with(), SIMULATOR, paths)
    ends = torch.from_numpy(Toy.low), torch.from_numpy(Toy.high)
    config = ActorConfig(observation_dim=48, widths=[8], low=[-1.0] * 12, high=[1.0] * 12)
    begun = worker.imitator(parts, config).state_dict()
    for first, same in ((5, True), (4, False)):
        options = parts.options.ppo.model_copy(update={"critic_first": first})
        learnt = learn(
            worker.environments(parts, *ends), options, 0, Checkpoint(Path("none")), begun
        )
        assert all(torch.equal(learnt.actor[name], begun[name]) for name in begun) == same


def test_the_policy_that_is_judged_best_is_kept(paths):
    from pipeline.policy.ppo import learn

    parts = worker.load(settings_with(), SIMULATOR, paths)
    ends = torch.from_numpy(Toy.low), torch.from_numpy(Toy.high)
    seen = []

    def judge(weights):
        seen.append(weights)
        return [1.0, 3.0, 2.0, 3.0][len(seen) - 1]

    begin, options = worker.environments(parts, *ends), parts.options.ppo
    learnt = learn(begin, options, 0, Checkpoint(Path("none")), None, 0.0, judge)
    assert (len(seen), learnt.kept) == (4, 2)  # of 0, 2, 4 and 5 iterations
    assert all(torch.equal(learnt.actor[name], seen[1][name]) for name in seen[1])


def test_a_judged_episode_counts_until_it_ends():
    class Three:
        options = SimpleNamespace(steps=3)

        def __init__(self):
            self.steps = 0

        def __len__(self):
            return 2

        def observation(self):
            return torch.zeros(2, 48)

        def step(self, action):
            self.steps += 1
            ends = torch.tensor([self.steps == 2, False])
            return Stepped(self.observation(), torch.ones(2), ends, ~ends & (self.steps > 2), {})

    actor = Actor(ActorConfig(observation_dim=48, widths=[4], low=[-1.0], high=[1.0]))
    assert imagined_return(Three, actor)(actor.state_dict()) == (2 + 3) / 2


def test_a_time_out_is_told_apart_from_a_fall_and_observations_are_new():
    from pipeline.policy.vec_env import Environment

    options = ImaginationOptions(environments=0, steps=2, noise=False, weights=Weights())
    inner = Simulated([Toy(), Toy()], options, PERIOD, np.random.default_rng(0))
    made = Environment(inner, torch.from_numpy(Toy.low), torch.from_numpy(Toy.high), 2)
    fall = torch.zeros(2, 12)
    fall[1, 1] = 5.0  # cut to 1
    first, _, dones, extras = made.step(fall)
    assert dones.tolist() == [False, True]
    assert extras["time_outs"].tolist() == [False, False]
    kept = first["policy"].clone()
    _, _, dones, extras = made.step(torch.full((2, 12), 0.3))
    assert dones.tolist() == extras["time_outs"].tolist() == [True, False]
    assert torch.equal(first["policy"], kept)


def test_a_walk_ends_where_the_robot_falls_and_begins_alike_for_the_same_seed():
    toys = [Toy(), Toy()]

    def controller(on):
        actions = torch.full((len(on), 12), 0.5)
        if len(on[0].actions) == 3:
            actions[0, 1] = 1
        return actions

    walked = walks(toys, controller, 6, 0)
    assert [len(walk.actions) for walk in walked] == [4, 6]
    assert [walk.fell for walk in walked] == [True, False]
    again = walks(toys, controller, 1, 0)
    assert [w.states[0].tolist() for w in again] == [w.states[0].tolist() for w in walked]


def test_distance_follows_from_velocities_on_a_straight_way_and_on_a_circle():
    states = np.zeros((101, OBSERVED), np.float32)
    states[:, 8], states[:, SPEED] = -1, 0.5
    assert distance(states, PERIOD) == pytest.approx(1.0)
    states[:, 5] = 2 * np.pi / 2  # once round in two seconds
    assert distance(states, PERIOD) == pytest.approx(0.0, abs=1e-6)
    tilted = np.zeros((101, OBSERVED), np.float32)  # pitched by 90 degrees: up is forwards
    tilted[:, 6], tilted[:, SPEED] = -1, 0.5
    assert distance(tilted, PERIOD) == pytest.approx(0.0, abs=1e-6)


def test_histories_are_recorded_rows_of_upright_episodes(tmp_path):
    cache = toy_cache(tmp_path / "latents.zarr")
    found = starts.histories(cache, toy_model(cache.spec), 1000, 0)
    assert len(found) == 4 * 10  # of five episodes one ends with a fall
    # The first action is the next row's velocity.
    assert torch.allclose(found.states[:, 1:, SPEED], found.actions[:, :, 0], atol=1e-3)
    assert torch.equal(found.raw_actions, found.actions[:, -1])


def test_a_data_set_without_a_simulator_is_refused(paths):
    with pytest.raises(ParamsError, match=r"name one, or choose policy\.method: none"):
        worker.work(settings_with(), None, paths)


def test_what_cannot_walk_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="choose dataset: quadruped"):
        starts.metas(toy_cache(tmp_path / "latents.zarr", meta={"vx": 1.0}))
    values = {**PARAMS, "policy": {**PARAMS["policy"], "method": "ppo"}}
    Path("params.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(ParamsError, match="choose encoder: state"):
        read(Path("params.yaml"))


def test_it_is_skipped_by_default_and_says_so(tmp_path):
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    out, metrics = tmp_path / "policy", tmp_path / "policy.json"
    command(tmp_path / "none", tmp_path / "none", out, metrics, tmp_path / "params.yaml")
    assert PolicySkipped.read(metrics).skipped == "policy.method is none"
    assert [path.name for path in out.iterdir()] == ["skipped.txt"]
    assert Options.model_validate(PARAMS["policy"]).method == "none"
