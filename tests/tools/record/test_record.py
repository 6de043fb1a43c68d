"""`wm record` records an environment by its id, resumes, and prints the block to paste."""

import json
import sys

import numpy as np
import pytest
import yaml
from gymnasium.envs.registration import registry
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.errors import UserError
from pipeline.formats import FORMATS
from pipeline.tools.record.policies import policy

MODULE = """
import gymnasium
import numpy as np


class Light(gymnasium.Env):
    metadata = {"render_modes": ["rgb_array"], "render_fps": 4}
    observation_space = gymnasium.spaces.Box(0, 1, (1,), np.float32)
    action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, render_mode=None, size=16):
        self.render_mode, self.size = render_mode, size

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.level = self.np_random.uniform(0.2, 0.4)
        return np.full(1, self.level, np.float32), {}

    def step(self, action):
        self.level += 0.05 * float(action[0])
        return np.full(1, self.level, np.float32), 0.0, False, False, {}

    def render(self):
        return np.full((self.size, self.size, 3), 255 * self.level, np.uint8)


gymnasium.register("Light-v0", entry_point=Light)


def brighter(observation, rng):
    return np.float32(observation < 0.5) + rng.uniform(0, 0.1, 1).astype(np.float32)


def stop(observation, rng):
    if STOP:
        STOP.pop()
        if not STOP:
            raise KeyboardInterrupt
    return brighter(observation, rng)


STOP = []
"""


@pytest.fixture
def light(tmp_path, monkeypatch):
    """A folder with a user's module that registers an environment and offers policies."""
    (tmp_path / "light_module.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "light_module", raising=False)
    monkeypatch.delitem(registry, "Light-v0", raising=False)
    return tmp_path


def record(*words, out="set", code=0):
    words = ["record", *words, "--out", out, "--episodes", "3", "--steps", "4"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == code, done.output
    return done


def test_the_printed_block_reads_the_recording(light):
    done = record("light_module:Light-v0", "--policy", "light_module:brighter", "--arg", "size=24")
    line, text = done.stdout.split("\n", 1)
    assert line.startswith("record: 3 episodes, 12 frames of light_module:Light-v0 in set in ")
    values = yaml.safe_load(text)
    assert values.pop("dataset") == "set"
    block = values["datasets"]["set"]
    options = FORMATS.options_class(block["format"], "test").model_validate(block)
    source = FORMATS.load(block["format"], "test").build(options).open(light / block["root"])
    assert [len(episode) for episode in source] == [4, 4, 4]
    assert source[0].frames.shape[1:] == (24, 24, 3)
    assert source[1].meta == {
        "task": "Light-v0", "fps": 4, "env": "Light-v0", "policy": "light_module:brighter",
        "seed": 1, "end": "truncated",
    }  # fmt: skip
    levels = source[0].states[:, 0]
    np.testing.assert_allclose(np.diff(levels), 0.05 * source[0].actions[:-1, 0], atol=1e-6)
    np.testing.assert_allclose(source[0].frames.mean((1, 2, 3)), 255 * levels, atol=3)


def test_the_recording_says_how_it_came_about(light):
    record("light_module:Light-v0", "--seed", "5", "--task", "stay", "--format", "video_csv")
    said = json.loads((light / "set/recording.json").read_text())
    assert said["policy"] == "random"
    assert (said["env"], said["arguments"]) == ("Light-v0", {"render_mode": "'rgb_array'"})
    assert (said["max_episode_steps"], said["task"], said["fps"]) == (4, "stay", 4)
    assert [episode["seed"] for episode in said["episodes"]] == [5, 6, 7]
    assert {episode["end"] for episode in said["episodes"]} == {"truncated"}


def test_an_interrupted_recording_is_resumed_by_the_same_command(light):
    import light_module

    words = ("light_module:Light-v0", "--policy", "light_module:stop")
    record(*words, out="one")
    light_module.STOP[:] = range(6)
    stopped = record(*words, out="two", code=130)
    assert "record: 1 episodes are kept; the same command goes on" in stopped.stderr
    assert not (light / "two").exists()
    done = record(*words, out="two")
    assert "record: 3 episodes, 12 frames" in done.stdout
    one, two = (
        {path.relative_to(light / name): path.read_bytes()
         for path in (light / name).rglob("*") if path.is_file()}
        for name in ("one", "two")
    )  # fmt: skip
    assert one == two


REFUSED = {
    "id": (("Lihgt-v0",), r"Lihgt-v0: cannot be made \(.*\); give an id that is registered"),
    "module": (("no_such_module:Light-v0",), r"cannot be made \(No module named 'no_such_module'"),
    "format": (("light_module:Light-v0", "--format", "leroot"), r"did you mean lerobot\?"),
    "policy": (("light_module:Light-v0", "--policy", "best"), r"'best' is unknown; known: random"),
    "function": (("light_module:Light-v0", "--policy", "light_module:best"), r"no function 'best'"),
    "no module": (("light_module:Light-v0", "--policy", "nowhere:best"), r"No module named 'nowh"),
    "argument": (("light_module:Light-v0", "--arg", "size"), r"--arg 'size': give KEY=VALUE"),
    "no argument": (("light_module:Light-v0", "--arg", "depth=1"), r"cannot be made \(.*depth"),
}


@pytest.mark.parametrize(("words", "said"), REFUSED.values(), ids=list(REFUSED))
def test_mistakes_are_one_line_and_leave_nothing(words, said, light):
    with pytest.raises(UserError, match=said) as caught:
        CliRunner().invoke(app, ["record", *words, "--out", "set"], catch_exceptions=False)
    assert "\n" not in str(caught.value)
    assert [path.name for path in light.iterdir() if path.suffix != ".py"] in ([], ["__pycache__"])


def test_doing_nothing_is_zero_within_the_bounds(light):
    import light_module

    env = light_module.Light()
    np.testing.assert_array_equal(policy("noop", env)(None, None), [0])
    env.action_space = type(env.action_space)(1, 2, (2,), np.float32)
    np.testing.assert_array_equal(policy("noop", env)(None, None), [1, 1])


def test_a_world_of_ours_is_recorded_by_its_id(light):
    record("NanoWM/Wall-v0", "--arg", "size=32")
    said = json.loads((light / "set/recording.json").read_text())
    assert (said["image"], said["states"]) == ("pixels", ["state"])
