"""The worlds as Gymnasium environments: env_checker, seeding and tasks."""

import os
import subprocess
import sys

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from helpers import ROOT, default, every

from pipeline.errors import UserError
from pipeline.gym import tasks
from pipeline.gym.env import NamedWorldEnv, WorldEnv, build
from pipeline.gym.registration import ENTRIES
from pipeline.worlds import WORLDS, World

IDS = {entry.world: name for name, entry in ENTRIES.items()}


@pytest.fixture(params=sorted(IDS))
def env(request):
    return gymnasium.make(IDS[request.param], render_mode="rgb_array").unwrapped


@pytest.fixture
def maze():
    return WorldEnv(build("point_maze", {"size": 32, "camera": "full"}))


def assert_equal(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        np.testing.assert_array_equal(values, theirs[name])


def test_every_restorable_world_has_an_id():
    built = {name: default(WORLDS, name) for name in every(WORLDS)}
    worlds = {name: module.build(options) for name, (module, options) in built.items()}
    assert sorted(IDS) == [name for name, world in worlds.items() if isinstance(world, World)]


# States have no bounds, and actions keep the units of the world.
@pytest.mark.filterwarnings("ignore:.*Box observation space m.*imum value is -?infinity")
@pytest.mark.filterwarnings("ignore:.*symmetric and normalized space")
@pytest.mark.parametrize("world", sorted(IDS))
def test_env_checker_passes(world):
    check_env(gymnasium.make(IDS[world]).unwrapped)


def test_the_same_seed_gives_the_same_episode(env):
    def play(seed):
        env.action_space.seed(seed)
        observations = [env.reset(seed=seed)[0]]
        observations += [env.step(env.action_space.sample())[0] for _ in range(3)]
        return observations, env.reset()[0]

    (first, next_first), (second, next_second), (other, _) = play(1), play(1), play(2)
    for ours, theirs in zip([*first, next_first], [*second, next_second], strict=True):
        assert_equal(ours, theirs)
    assert (first[0]["state"] != other[0]["state"]).any()
    assert (first[0]["state"] != next_first["state"]).any()


def test_a_drawn_task_is_unsolved_and_shows_its_goal(env):
    observation, info = env.reset(seed=0)
    assert not info["success"]
    assert info["distance"] > 0
    at_goal = env.reset(options={"state": observation["goal_state"], "meta": info["meta"]})[0]
    np.testing.assert_array_equal(at_goal["pixels"], observation["goal"])


def test_a_recorded_episode_can_be_replayed_to_its_end(env):
    episode = next(iter(env.world.collect(1, 8, seed=3)))
    options = {"state": episode.states[0], "goal": episode.states[-1], "meta": episode.meta}
    observation, _ = env.reset(seed=0, options=options)
    for step, action in enumerate(episode.actions[:-1]):
        np.testing.assert_array_equal(observation["state"], episode.states[step])
        np.testing.assert_array_equal(observation["pixels"], episode.frames[step])
        np.testing.assert_array_equal(observation["goal"], episode.frames[-1])
        observation, reward, terminated, truncated, info = env.step(action)
        assert reward == -info["distance"]
        assert terminated == info["success"]
        assert not truncated
    np.testing.assert_array_equal(observation["state"], episode.states[-1])
    assert (reward, terminated) == (0, True)


def test_a_reachable_goal_is_reached_by_the_actions_that_led_there(env):
    for steps in (3, (2, 3)):
        observation, info = env.reset(seed=0, options={"goal_steps": steps})
        again = env.reset(seed=0, options={"goal_steps": steps})[0]
        assert_equal(observation, again)
        assert not info["success"]
        assert len(info["actions"]) in range(2 if steps != 3 else 1, 4)
        for action in info["actions"]:
            observation, _, terminated, *_ = env.step(action)
        assert terminated
        np.testing.assert_array_equal(observation["state"], observation["goal_state"])
        np.testing.assert_array_equal(observation["pixels"], observation["goal"])


@pytest.mark.parametrize(("world", "options"), [("wall", {}), ("point_maze", {"tours": 1.0})])
@pytest.mark.parametrize("steps", [None, (25, 30)])
def test_goals_that_need_a_detour_can_be_asked_for(world, options, steps):
    env = gymnasium.make(IDS[world], size=16, goal_steps=steps, detour=True, **options).unwrapped
    for seed in range(2):
        observation, _ = env.reset(seed=seed)
        assert env.world.detour(observation["goal_state"])


def test_a_task_that_is_given_is_not_drawn(maze):
    start, goal = [0.8, 0.8, 0, 0], [0.8, 2.8, 0, 0]
    env = WorldEnv(maze.world, goal_steps=5)
    observation, info = env.reset(options={"state": start, "goal": goal})
    assert (observation["state"], observation["goal_state"]) == (
        pytest.approx(start),
        pytest.approx(goal),
    )
    assert "actions" not in info
    env.reset(options={"state": start, "goal_steps": None})
    with pytest.raises(UserError, match=r"draws state and goal together.*goal_steps=None"):
        env.reset(options={"goal": goal})


def test_goals_that_there_are_not_are_refused(maze, monkeypatch):
    monkeypatch.setattr(tasks, "TRIES", 3)
    with pytest.raises(UserError, match="none of 3 draws holds such a task; raise goal_steps"):
        maze.reset(options={"goal_steps": 1, "detour": True})


def test_a_detour_is_refused_where_nothing_is_in_the_way():
    env = gymnasium.make("NanoWM/PushT-v0", size=32, detour=True)
    with pytest.raises(UserError, match="nothing is in the way in this world; leave it out"):
        env.reset(seed=0)


def test_pusht_tells_coverage_beside_its_own_success():
    env = gymnasium.make("NanoWM/PushT-v0", size=32).unwrapped
    goal = np.array([100, 100, 256, 256, np.pi / 4, 0, 0], np.float32)
    _, info = env.reset(options={"state": goal, "goal": goal})
    assert info["coverage"] == pytest.approx(1)
    info = env.step(np.zeros(2, np.float32))[-1]
    assert info["coverage"] == pytest.approx(1)


def test_writing_into_what_was_handed_out_moves_neither_state_nor_goal(env):
    action = env.world.high
    env.reset(seed=0)
    expected = env.step(action)[0]
    for values in (*env.reset(seed=0)[0].values(), env.render()):
        values[:] = 0
    assert_equal(env.step(action)[0], expected)


def test_the_bounds_of_the_action_space_are_valid_actions(env):
    for action in (env.world.low, env.world.high):
        env.reset(seed=0)
        assert env.action_space.contains(action)
        assert env.observation_space.contains(env.step(action)[0])


def test_an_episode_terminates_when_the_goal_is_reached(maze):
    start, goal = [0.8, 0.8, 0, 0], [0.8, 2.8, 0, 0]
    _, info = maze.reset(options={"state": start, "goal": goal})
    assert info["distance"] == pytest.approx(2)
    ended = [maze.step(np.array([0, 1], np.float32)) for _ in range(12)]
    reached = [bool(state["state"][1] > 2.3) for state, *_ in ended]
    assert [terminated for _, _, terminated, *_ in ended] == reached
    assert True in reached
    assert False in reached


def test_render_gives_the_present_frame_if_asked_to(env):
    observation, _ = env.reset(seed=0)
    np.testing.assert_array_equal(env.render(), observation["pixels"])
    env.render_mode = None
    assert env.render() is None


def test_make_takes_the_options_of_the_world():
    env = gymnasium.make("pipeline.gym:NanoWM/PointMaze-v0", size=48, render_mode="rgb_array")
    assert env.reset(seed=0)[0]["pixels"].shape == (48, 48, 3)
    assert env.spec.max_episode_steps == 300


def test_make_vec_runs_several_at_once():
    envs = gymnasium.make_vec("NanoWM/Wall-v0", 2, vectorization_mode="sync", size=16)
    observation, _ = envs.reset(seed=[1, 2])
    assert observation["pixels"].shape == (2, 16, 16, 3)
    envs.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sise": 32}, "did you mean size"),
        ({"size": 3}, "size = 3: Input should be greater than or equal to 16"),
        ({"camera": "side"}, "camera = 'side': Input should be 'full' or 'legacy'"),
        ({"world": "point_mase"}, "did you mean point_maze"),
    ],
)
def test_wrong_options_are_named(change, message):
    with pytest.raises(UserError, match=message):
        NamedWorldEnv(**{"world": "point_maze", "size": 32, "camera": "full", **change})


def test_missing_options_and_those_that_clash_are_named():
    with pytest.raises(UserError, match="world point_maze: option camera is missing"):
        NamedWorldEnv("point_maze", size=32)
    with pytest.raises(UserError, match=r"every door must lie in"):
        gymnasium.make("NanoWM/Wall-v0", doors=[2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stat": [0] * 4}, "did you mean state"),
        ({"goal_step": 4}, "did you mean goal_steps"),
        ({"goal_steps": 0}, r"goal_steps = 0 must be None, the most steps"),
        ({"goal_steps": (5, 3)}, r"goal_steps = \(5, 3\) must be None"),
        ({"detour": "yes"}, "detour = 'yes' must be True or False"),
        ({"state": [0] * 3}, "must be 4 finite numbers"),
        ({"goal": [0, 0, 0, np.nan]}, "must be 4 finite numbers"),
    ],
)
def test_wrong_tasks_are_named(maze, options, message):
    with pytest.raises(UserError, match=message):
        maze.reset(options=options)


def test_importing_the_package_registers_the_ids_and_is_light(tmp_path):
    heavy = ["torch", "pydantic", "yaml", "mujoco", "pymunk", "PIL"]
    script = (
        f"import sys\nfor heavy in {heavy}: sys.modules[heavy] = None\n"
        "import gymnasium, pipeline.gym\n"
        "print(*gymnasium.registry)\n"
        f"for heavy in {heavy}: del sys.modules[heavy]\n"
        "gymnasium.make('NanoWM/Wall-v0', size=32).reset(seed=0)"
    )
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert set(ENTRIES) <= set(process.stdout.split())
