"""What is computed for a session: the frames of `wm rollout`, beside the simulator."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.errors import UserError
from pipeline.formats.video_csv import Options, build
from pipeline.tools.play.engine import Engine
from pipeline.tools.play.playable import Playable, paths_of

MODEL = Path("models/wall/tiny_vae")
INTERVAL = 5
OPTIONS = Options(root=None, normalise_actions=False, resolution=None, antialias=True)
ACTIONS = [[0.4, 0.1], [0.0, -0.5], [-0.3, 0.2], [9.0, 9.0]]


@pytest.fixture(autouse=True)
def _in_workspace(smoke_run, monkeypatch):
    monkeypatch.chdir(smoke_run)


def playable(history=1, params="params.yaml"):
    return Playable(paths_of(MODEL, None, None, Path(params)), 2, history)


def driven(engine, actions=ACTIONS):
    return [engine.advance(np.array(action, np.float32)) for action in actions]


@pytest.mark.parametrize("history", [1, 2])
def test_a_recording_is_repeated_by_the_command_that_it_names(tmp_path, history):
    engine = Engine(playable(history))
    engine.reset(1, 3, seed=7)
    first = engine.record("mine", 10)
    moments = driven(engine)
    out = engine.finish(tmp_path)
    card = json.loads((out / "recording.json").read_text())
    done = CliRunner().invoke(app, [*shlex.split(card["repeat"])[1:], "--png"])
    assert done.exception is None, done.exception
    again = Path(f"{out}_again")
    for number, moment in enumerate(moments, history):
        png = Image.open(again / f"clip_000_generated/{number:06d}.png")
        assert np.array_equal(np.asarray(png), moment.imagined)
        png = Image.open(again / f"clip_000_truth/{number:06d}.png")
        assert np.array_equal(np.asarray(png), moment.real)
    assert first.latent_error < 1e-3  # rounding of the cache


def test_a_recording_is_an_episode_of_a_data_set(tmp_path):
    engine = Engine(playable())
    engine.reset(0, 0, seed=0)
    engine.record("mine", 10)
    moments = driven(engine)
    out = engine.finish(tmp_path)
    (episode,) = list(build(OPTIONS).open(out / "episodes"))
    assert (episode.key, len(episode)) == ("mine", len(ACTIONS) * INTERVAL)
    for number, moment in enumerate(moments[:-1], 1):
        assert np.array_equal(episode.frames[number * INTERVAL], moment.real)
    low, high = engine._low.numpy(), engine._high.numpy()
    expected = np.clip(np.array(ACTIONS, np.float32), low, high).repeat(INTERVAL, 0)
    assert np.array_equal(episode.actions, expected)
    assert np.array_equal(episode.states[0], engine.start.state)
    done = CliRunner().invoke(app, ["inspect", str(out / "episodes")])
    assert done.exception is None
    assert "video_csv" in done.output


def test_taking_over_lets_the_dream_go_on_from_the_simulator(tmp_path):
    engine = Engine(playable())
    engine.reset(0, 0, seed=0)
    engine.record("mine", 10)
    apart = driven(engine)[-1]
    taken = engine.take_over()
    assert taken.latent_error < 1e-6 < apart.latent_error
    assert np.array_equal(taken.real, apart.real)
    driven(engine)
    assert json.loads((engine.finish(tmp_path) / "recording.json").read_text())["repeat"] is None


def test_the_planner_drives_and_shows_what_it_expects():
    engine = Engine(playable())
    engine.reset(0, 0, seed=0)
    with pytest.raises(UserError, match="no goal"):
        engine.advance(None)
    goal = engine.aim(engine.playable.frame(0, 20))
    moment = engine.advance(None)
    assert moment.actions.shape == (INTERVAL, 2)
    assert moment.plan[0].shape == goal.shape == moment.imagined.shape
    assert driven(engine, ACTIONS[:1])[0].plan == []


def test_without_a_simulator_the_dream_is_all_there_is(tmp_path):
    engine = Engine(playable(params="nowhere.yaml"))
    moment = engine.reset(0, 0, seed=0)
    assert moment.real is None
    engine.record("mine", 10)
    moments = driven(engine)
    with pytest.raises(UserError, match=r"nowhere\.yaml"):
        engine.take_over()
    out = engine.finish(tmp_path)
    assert not (out / "real.mp4").exists()
    (episode,) = list(build(OPTIONS).open(out / "episodes"))
    assert episode.actions.shape == (len(ACTIONS), INTERVAL * 2)
    assert np.array_equal(episode.frames[1], moments[0].imagined)


@pytest.mark.parametrize(
    ("clip", "start", "said"), [(999, 0, "clip 999: there are"), (0, 999, "start 999: ")]
)
def test_a_start_that_is_not_there_is_one_line(clip, start, said):
    with pytest.raises(UserError, match=said):
        Engine(playable()).reset(clip, start, 0)


def test_steps_may_change_at_any_time():
    engine = Engine(playable())
    moments = []
    for steps in (2, 5):
        engine.dream.steps = 2
        engine.reset(0, 0, seed=0)
        driven(engine, ACTIONS[:1])
        engine.dream.steps = steps
        moments.append(driven(engine, ACTIONS[1:2])[0])
    assert not np.array_equal(moments[0].imagined, moments[1].imagined)
