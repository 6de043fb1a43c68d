"""A model as a Gymnasium environment: env_checker, seeds, starts and goals."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import nanowm
from pipeline.errors import UserError


@pytest.fixture
def folder(folder_of_latents):
    return folder_of_latents / "shards"


@pytest.fixture
def env(model, folder):
    return nanowm.make_env(model=model, data=folder, render_mode="rgb_array", steps=1)


def play(env, seed):
    env.action_space.seed(0)
    observations = [env.reset(seed=seed)[0]]
    for _ in range(5):
        observations.append(env.step(env.action_space.sample())[0])
    return np.stack(observations)


# Actions keep the units of the data.
@pytest.mark.filterwarnings("ignore:.*symmetric and normalized space")
def test_env_checker_passes(env):
    check_env(env, skip_render_check=True)  # what renders is told by the spec of an id
    assert isinstance(env, gymnasium.Env)


def test_its_spaces_are_those_of_the_model(env, model):
    assert env.observation_space.shape == model.frame_shape == (16, 16, 3)
    assert env.action_space.shape == (2, 2)
    recorded = model.dynamics.spec.actions
    assert np.array_equal(env.action_space.low[1], np.array(recorded["min"], np.float32))
    assert np.array_equal(env.action_space.high[0], np.array(recorded["max"], np.float32))


def test_the_same_seed_gives_the_same_dream(env):
    first, again, other = play(env, 1), play(env, 1), play(env, 2)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(env.render(), other[-1])


def test_it_starts_from_the_data_or_as_it_is_told(env, folder, frames):
    seen, info = env.reset(seed=0)
    episodes = {clip["episode"]: clip["frames"] for clip in nanowm.Dataset(folder)}
    assert np.array_equal(seen, episodes[info["episode"]][info["start"]])
    large = np.repeat(np.repeat(frames[0, 0], 2, 0), 2, 1)
    seen, _ = env.reset(options={"frame": large})
    assert env.observation_space.contains(seen)


def test_the_reward_is_minus_the_latent_distance_to_the_goal(env, model, frames, actions):
    assert env.reset(seed=0)
    assert env.step(actions[0, :2])[1] == 0.0
    env.reset(seed=0, options={"frame": frames[0, 0], "goal_frame": frames[1, 0]})
    _, reward, terminated, truncated, info = env.step(actions[0, :2])
    assert reward == -info["distance"] < 0
    assert not terminated
    assert not truncated
    env.reset(seed=0, options={"frame": frames[0, 0]})
    goal = env.step(actions[0, :2])[0]
    aimed = nanowm.DreamEnv(model, goal_frame=goal, steps=1)
    aimed.reset(seed=0, options={"frame": frames[0, 0]})
    assert aimed.step(actions[0, :2])[4]["distance"] < info["distance"]


def test_where_nothing_was_recorded_of_actions_their_range_is_open(model, folder):
    unknown = {"mean": [0.0] * 2, "std": [1.0] * 2, "min": [-1e30] * 2, "max": [1e30] * 2}
    spec = model.dynamics.spec.model_copy(update={"actions": unknown})
    model.dynamics.spec = spec
    assert not nanowm.DreamEnv(model, folder).action_space.is_bounded()


def test_what_does_not_fit_is_told_in_one_line(env, model, folder_of_latents, frames):
    with pytest.raises(UserError, match="nothing to start from; give the environment `data`"):
        nanowm.DreamEnv(model).reset()
    with pytest.raises(UserError, match="reset option 'goal' is unknown; known: frame, goal_frame"):
        env.reset(options={"goal": frames[0, 0]})
    with pytest.raises(UserError, match=r"frame is \[2, 3, 16, 16, 3\], not one frame"):
        env.reset(options={"frame": frames})
    with pytest.raises(UserError, match=r"latents.zarr: latents, not frames; give data/NAME"):
        nanowm.DreamEnv(model, folder_of_latents / "latents.zarr").reset()
    with pytest.raises(UserError, match="step before the first reset"):
        nanowm.DreamEnv(model).step(np.zeros((2, 2), np.float32))
    for given in ({}, {"id": "NanoWM/Wall-v0", "model": model}):
        with pytest.raises(UserError, match="make_env takes an id such as 'NanoWM/Wall-v0', or"):
            nanowm.make_env(**given)


def test_the_simulated_worlds_have_ids():
    env = nanowm.make_env("NanoWM/Wall-v0", size=32, render_mode="rgb_array")
    env.reset(seed=0)
    assert env.render().shape == (32, 32, 3)
    with pytest.raises(gymnasium.error.Error):
        nanowm.make_env("NanoWM/None-v0")
