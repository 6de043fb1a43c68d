"""Whatever environment is stepped, its episodes become a data set, interrupted or not."""

import json

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from pipeline.errors import UserError
from pipeline.formats import DatasetOptions, WritableFormat
from pipeline.gym import writers
from pipeline.gym.record import RECORDING, Recorder
from pipeline.tools.inspect_.detect import detect, reading

FRAME = spaces.Box(0, 255, (16, 16, 3), np.uint8)
VECTOR = spaces.Box(-np.inf, np.inf, (2,), np.float64)


class Dot(gymnasium.Env):
    """A bright row that moves by the action, from where the seed puts it."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 5}  # noqa: RUF012

    def __init__(self, observation, render_mode=None, ends=5):
        self.observation_space, self.render_mode, self.ends = observation, render_mode, ends
        self.action_space = spaces.Box(-1, 1, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.position, self.steps = self.np_random.uniform(4, 12, 2), 0
        return self.observe(), {}

    def step(self, action):
        self.position, self.steps = self.position + action, self.steps + 1
        over = self.steps == self.ends
        return self.observe(), 0.5, over, False, {"is_success": over}

    def render(self):
        frame = np.zeros((16, 16, 3), np.uint8)
        frame[int(self.position[0]) % 16] = 200
        frame[:, int(self.position[1]) % 16, 0] = 100
        return frame

    def observe(self):
        if isinstance(self.observation_space, spaces.Dict):
            return {key: self.part(space) for key, space in self.observation_space.items()}
        return self.part(self.observation_space)

    def part(self, space):
        return self.render() if space.dtype == np.uint8 else self.position.copy()


class Kept:
    """A format that keeps the episodes in memory."""

    interval = 1

    def write(self, episodes, raw):
        raw.mkdir()
        self.episodes = list(episodes)

    def open(self, raw):
        return self.episodes


def play(env, episodes, stop_after=None):
    while env.recorded < episodes:
        env.reset()
        over = False
        while not over:
            *_, over, _, _ = env.step(env.action_space.sample())
        if env.recorded == stop_after:
            raise KeyboardInterrupt


KINDS = {
    "image": (FRAME, None, 0),
    "vector": (VECTOR, "rgb_array", 2),
    "dict": (spaces.Dict({"pixels": FRAME, "state": VECTOR, "goal": FRAME}), None, 2),
    "only image": (spaces.Dict({"camera": FRAME}), None, 0),
    "rendered dict": (spaces.Dict({"state": VECTOR, "goal_state": VECTOR}), "rgb_array", 2),
}


@pytest.mark.parametrize(("space", "mode", "states"), KINDS.values(), ids=list(KINDS))
def test_an_action_is_stored_with_what_was_observed_before_it(space, mode, states, tmp_path):
    kept, seen, done = Kept(), [], []
    with Recorder(Dot(space, mode), tmp_path / "set", kept, seed=3) as env:
        for _ in range(2):
            env.reset()
            over = False
            while not over:
                seen.append((env.unwrapped.render(), env.unwrapped.position.copy()))
                done.append(env.action_space.sample())
                *_, over, _, _ = env.step(done[-1])
    assert [len(episode) for episode in kept.episodes] == [5, 5]
    for name, values in (
        ("frames", [frame for frame, _ in seen]),
        ("actions", done),
        ("states", np.array([place for _, place in seen], np.float32)[:, :states]),
    ):
        recorded = np.concatenate([getattr(episode, name) for episode in kept.episodes])
        np.testing.assert_array_equal(recorded, values)


@pytest.mark.parametrize("name", writers.names())
def test_every_format_reads_back_what_was_recorded(name, tmp_path):
    out = tmp_path / "set"
    with Recorder(Dot(KINDS["dict"][0]), out, name, seed=1, policy="random", task="move") as env:
        play(env, 3)
    kept = Kept()
    with Recorder(Dot(KINDS["dict"][0]), tmp_path / "kept", kept, seed=1) as env:
        play(env, 3)
    member, found = next(iter(detect(out).items()))
    source = reading(member, found, out, None).build().open(out)
    for truth, episode in zip(kept.episodes, source, strict=True):
        np.testing.assert_allclose(episode.actions, truth.actions, rtol=1e-6)
        np.testing.assert_allclose(episode.states, truth.states, rtol=1e-6)
        assert np.abs(episode.frames.astype(int) - truth.frames).mean() < 12
        assert episode.meta.items() >= {"seed": truth.meta["seed"], "policy": "random"}.items()
    record = json.loads((out / RECORDING).read_text())
    assert (record["policy"], record["seed"], record["task"]) == ("random", 1, "move")
    assert record["episodes"][1] == {
        "seed": 2, "steps": 5, "end": "terminated", "reward": 2.5, "success": True,
        "meta": {},
    }  # fmt: skip


@pytest.mark.parametrize("name", writers.names())
def test_an_interrupted_recording_goes_on_to_the_same_bytes(name, tmp_path):
    def recorder(folder):
        return Recorder(Dot(FRAME), tmp_path / folder / "set", name, seed=7, policy="random")

    with recorder("one") as env:
        play(env, 3)
    with pytest.raises(KeyboardInterrupt), recorder("two") as env:
        play(env, 3, stop_after=2)
    assert not (tmp_path / "two/set").exists()
    with recorder("two") as env:
        assert env.recorded == 2
        play(env, 3)
    one, two = ({p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()}
                for f in (tmp_path / "one", tmp_path / "two"))  # fmt: skip
    assert one == two
    assert not list((tmp_path / "two").glob(".*"))


def test_other_settings_do_not_go_on_with_an_interrupted_recording(tmp_path):
    with pytest.raises(KeyboardInterrupt), Recorder(Dot(FRAME), tmp_path / "set", seed=1) as env:
        play(env, 2, stop_after=1)
    with pytest.raises(UserError, match=r"set.recording: .* seed = 1, not 2; go on with the same"):
        Recorder(Dot(FRAME), tmp_path / "set", seed=2)


def test_an_episode_that_is_left_is_stored_and_one_that_is_discarded_is_not(tmp_path):
    kept = Kept()
    with Recorder(Dot(FRAME), tmp_path / "set", kept, seed=0) as env:
        for steps, leave in ((3, env.reset), (2, env.discard), (1, env.close)):
            env.reset()
            for _ in range(steps):
                env.step(env.action_space.sample())
            leave()
    assert [len(episode) for episode in kept.episodes] == [3, 1]
    assert [episode.meta["seed"] for episode in kept.episodes] == [0, 1]
    assert [episode.meta["end"] for episode in kept.episodes] == ["reset", "closed"]


def test_a_seed_is_drawn_and_noted_where_none_is_given(tmp_path):
    kept = Kept()
    with Recorder(Dot(FRAME), tmp_path / "set", kept) as env:
        env.reset(seed=11)
        env.step(env.action_space.sample())
        play(env, 3)
    seeds = [episode.meta["seed"] for episode in kept.episodes]
    assert seeds[0] == 11
    env = Dot(FRAME)
    env.reset(seed=seeds[2])
    np.testing.assert_array_equal(kept.episodes[2].frames[0], env.render())


def test_meta_of_a_reset_and_its_task_are_kept(tmp_path):
    class Rooms(Dot):
        def reset(self, *, seed=None, options=None):
            observation, _ = super().reset(seed=seed)
            return observation, {"meta": {"door": np.float32(seed), "task": "go", "map": [1]}}

    for task, expected in ((None, "go"), ("stay", "stay")):
        kept = Kept()
        with Recorder(Rooms(FRAME), tmp_path / expected, kept, seed=4, task=task) as env:
            play(env, 2)
        assert [e.meta["door"] for e in kept.episodes] == [4, 5]
        assert {e.meta["task"] for e in kept.episodes} == {expected}
        assert "map" not in kept.episodes[0].meta


def test_random_actions_do_not_follow_the_environments_own_draws(tmp_path):
    with Recorder(Dot(FRAME), tmp_path / "set", Kept(), seed=0) as env:
        env.reset()
        draws = [env.unwrapped.np_random.uniform(), env.rng().uniform()]
        draws.append(env.action_space.np_random.uniform())
        assert len({*draws, np.random.default_rng(0).uniform()}) == 4


def test_discrete_actions_are_one_hot(tmp_path):
    env, kept = Dot(FRAME), Kept()
    env.action_space = spaces.Discrete(3)
    with Recorder(env, tmp_path / "set", kept) as recorder:
        recorder.reset()
        for action in (2, 0):
            recorder.step(action)
    np.testing.assert_array_equal(kept.episodes[0].actions, [[0, 0, 1], [1, 0, 0]])


def test_the_caller_may_write_to_what_it_observed(tmp_path):
    kept = Kept()
    with Recorder(Dot(FRAME), tmp_path / "set", kept, seed=0) as env:
        observation, _ = env.reset()
        first = observation.copy()
        observation[:] = 0
        env.step(env.action_space.sample())
    np.testing.assert_array_equal(kept.episodes[0].frames[0], first)


def test_without_an_episode_nothing_is_written(tmp_path):
    with Recorder(Dot(FRAME), tmp_path / "set") as env:
        env.reset()
    assert list(tmp_path.iterdir()) == []


TWO = spaces.Dict({"left": FRAME, "right": FRAME, "state": VECTOR})
REFUSED = {
    "several": (TWO, None, {}, r"several images: left, right; choose one by image_key"),
    "no image": (VECTOR, None, {}, r"no images, and its render_mode is None; give render_mode="),
    "key": (TWO, None, {"image_key": "lft"}, r"no image 'lft'; did you mean left\?"),
    "state": (TWO, None, {"image_key": "left", "state_keys": ["x"]}, r"no vector 'x'; known:"),
    "format": (FRAME, None, {"format": "hdf"}, r"format 'hdf' cannot be recorded in; known:"),
}  # fmt: skip


@pytest.mark.parametrize(("space", "mode", "keys", "said"), REFUSED.values(), ids=list(REFUSED))
def test_what_cannot_be_recorded_is_refused_in_one_line(space, mode, keys, said, tmp_path):
    with pytest.raises(UserError, match=said) as caught:
        Recorder(Dot(space, mode), tmp_path / "set", **keys)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    with Recorder(Dot(FRAME), tmp_path / "set", seed=0) as env:
        play(env, 1)
    with pytest.raises(UserError, match="holds a finished recording already; choose another"):
        Recorder(Dot(FRAME), tmp_path / "set")
    with pytest.raises(UserError, match="holds other files already"):
        Recorder(Dot(FRAME), tmp_path)


def test_a_step_needs_a_reset(tmp_path):
    env = Recorder(Dot(FRAME), tmp_path / "set", Kept())
    with pytest.raises(UserError, match="Dot: call reset before step"):
        env.step(np.zeros(2, np.float32))
    env.close()


def test_formats_that_can_be_recorded_in_keep_the_protocol():
    assert all(isinstance(writers.writer(name), WritableFormat) for name in writers.names())
    assert DatasetOptions(root=None).format == ""
