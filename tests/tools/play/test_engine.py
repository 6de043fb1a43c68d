"""What is computed for a session: the frames of `wm rollout`, beside the simulator."""

import json
import shlex
import threading
from pathlib import Path

import numpy as np
import pytest
from ingest_helpers import ingested
from PIL import Image
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.episodes import shards
from pipeline.errors import UserError
from pipeline.formats.video_csv import Options, build
from pipeline.tools.play import messages
from pipeline.tools.play.engine import Act, Engine
from pipeline.tools.play.hello import hello
from pipeline.tools.play.listing import models
from pipeline.tools.play.planning import Planning
from pipeline.tools.play.playable import Playable
from pipeline.tools.play.session import Session
from pipeline.tools.play.sources import paths_of

MODEL = Path("models/wall/tiny_vae")
STUDENT = MODEL / "student"
INTERVAL = 5
OPTIONS = Options(root=None, normalise_actions=False, resolution=None, antialias=True)
ACTIONS = [[0.4, 0.1], [0.0, -0.5], [-0.3, 0.2], [9.0, 9.0], [0.1, 0.1], [-0.2, 0.6], [1.0, -1.0]]


@pytest.fixture(autouse=True)
def _in_workspace(smoke_run, monkeypatch):
    monkeypatch.chdir(smoke_run)


def playable(history=1, params="params.yaml", **places):
    places = {"latents": None, "shards": None, **places}
    return Playable(paths_of(MODEL, params=Path(params), **places), 2, history)


def engine_of(playable):
    return Engine(playable, Planning(playable))


@pytest.fixture
def engine():
    engine = engine_of(playable())
    yield engine
    engine.close()


def driven(engine, actions=ACTIONS):
    return [engine.advance(Act(np.array(action, np.float32))) for action in actions]


@pytest.mark.parametrize("history", [1, 2])
def test_a_recording_is_repeated_by_the_command_that_it_names(tmp_path, history):
    engine = engine_of(playable(history))
    engine.reset(1, 3, seed=7)
    first = engine.record("mine")
    moments = driven(engine, ACTIONS[: 8 - history])  # the window has slid
    out = engine.finish(tmp_path)
    card = json.loads((out / "recording.json").read_text())
    threads, *words = shlex.split(card["repeat"])
    assert threads == "OMP_NUM_THREADS=1"
    done = CliRunner().invoke(app, [*words[1:], "--png"])
    assert done.exception is None, done.exception
    again = Path(f"{out}_again")
    for number, moment in enumerate(moments, history):
        png = Image.open(again / f"clip_000_generated/{number:06d}.png")
        assert np.array_equal(np.asarray(png), moment.imagined)
        png = Image.open(again / f"clip_000_truth/{number:06d}.png")
        assert np.array_equal(np.asarray(png), moment.real)
    assert first.latent_error < 1e-3  # rounding of the cache
    engine.close()


def test_a_recording_that_cannot_be_written_is_one_line(engine, tmp_path):
    engine.reset(0, 0, seed=0)
    engine.record("mine")
    driven(engine, ACTIONS[:1])
    (tmp_path / "taken").write_text("")
    with pytest.raises(UserError, match="taken/mine: not a directory; a folder belongs there"):
        engine.finish(tmp_path / "taken")


def test_recordings_are_a_data_set(engine, tmp_path):
    for number in range(2):
        engine.reset(number, 0, seed=0)
        engine.record(f"mine-{number}")
        moments = driven(engine)
        engine.finish(tmp_path)
    source = build(OPTIONS).open(tmp_path / "episodes")
    assert [source.key(index) for index in range(2)] == ["mine-0", "mine-1"]
    episode = source[1]
    assert len(episode) == len(ACTIONS) * INTERVAL
    for number, moment in enumerate(moments[:-1], 1):
        assert np.array_equal(episode.frames[number * INTERVAL], moment.real)
    low, high = engine.playable.low, engine.playable.high
    expected = np.clip(np.array(ACTIONS, np.float32), low, high).repeat(INTERVAL, 0)
    assert np.array_equal(episode.actions, expected)
    assert np.array_equal(episode.states[0], engine.start.state)
    assert episode.meta == engine.start.episode.meta
    packed = ingested(source, tmp_path / "shards", train_share=0.5)
    assert (packed.episodes, packed.action_dim, packed.state_dim) == (2, 2, 2)
    assert {each.key for each in shards.read(tmp_path / "shards")} == {"mine-0", "mine-1"}
    for folder, said in (("episodes", "video_csv"), ("shards", "shards")):
        done = CliRunner().invoke(app, ["inspect", str(tmp_path / folder), "--all"])
        assert done.exception is None, done.output
        assert said in done.output


def test_taking_over_lets_the_dream_go_on_from_the_simulator(engine, tmp_path):
    engine.reset(0, 0, seed=0)
    engine.record("mine")
    apart = driven(engine)[-1]
    taken = engine.take_over()
    assert taken.latent_error < 1e-6 < apart.latent_error
    assert np.array_equal(taken.real, apart.real)
    driven(engine)
    assert json.loads((engine.finish(tmp_path) / "recording.json").read_text())["repeat"] is None


def test_the_planner_drives_and_shows_what_it_expects(engine):
    engine.reset(0, 0, seed=0)
    with pytest.raises(UserError, match="no goal"):
        engine.plan()
    goal = engine.aim(engine.playable.frame(0, 20))
    plan = engine.plan()
    assert plan.actions.shape == (INTERVAL, 2)
    moment = engine.advance(plan.actions)
    assert np.array_equal(moment.actions, plan.actions)
    assert plan.expected[0].shape == goal.shape == moment.imagined.shape


def test_no_plan_is_begun_for_a_page_that_has_left(engine):
    """The turn of a session that waits for another's plan would else delay all that wait for it."""
    engine.reset(0, 0, seed=0)
    engine.aim(engine.playable.frame(0, 20))
    began = []
    with engine._planning._turn:
        waiting = threading.Thread(target=lambda: began.append(_refusal(engine.plan)))
        waiting.start()
        engine.leave()
    waiting.join()
    assert began == ["the page has left"]
    assert _refusal(lambda: engine.aim(engine.playable.frame(0, 20))) == "the page has left"


def _refusal(ask):
    with pytest.raises(UserError) as refused:
        ask()
    return str(refused.value)


def test_without_a_simulator_the_dream_is_all_there_is(tmp_path):
    engine = engine_of(playable(params="nowhere.yaml", latents=tmp_path / "none"))
    moment = engine.reset(0, 0, seed=0)
    assert moment.real is None
    engine.record("mine")
    moments = driven(engine)
    with pytest.raises(UserError, match=r"nowhere\.yaml"):
        engine.take_over()
    out = engine.finish(tmp_path)
    assert not (out / "real.mp4").exists()
    assert json.loads((out / "recording.json").read_text())["repeat"] is None
    (episode,) = list(build(OPTIONS).open(tmp_path / "episodes"))
    assert episode.actions.shape == (len(ACTIONS), INTERVAL * 2)
    assert np.array_equal(episode.frames[1], moments[0].imagined)


@pytest.mark.parametrize(
    ("clip", "start", "said"), [(999, 0, "clip 999: there are"), (0, 999, "start 999: ")]
)
def test_a_start_that_is_not_there_is_one_line(engine, clip, start, said):
    with pytest.raises(UserError, match=said):
        engine.reset(clip, start, 0)


def test_steps_may_change_at_any_time(engine):
    moments = []
    for steps in (2, 5):
        engine.dream.steps = 2
        engine.reset(0, 0, seed=0)
        driven(engine, ACTIONS[:1])
        engine.dream.steps = steps
        moments.append(driven(engine, ACTIONS[1:2])[0])
    assert not np.array_equal(moments[0].imagined, moments[1].imagined)


def test_models_of_a_workspace_and_imported_ones_are_listed(tmp_path):
    for name in ("wall/tiny_vae/codec", "wall/tiny_vae/world_model", "wall/tiny_dino/world_model"):
        (tmp_path / "models" / name).mkdir(parents=True)
    for name in ("published/codec", "published/world_model", "wall/tiny_vae/student"):
        (tmp_path / "models" / name).mkdir(parents=True)
    found = ("published", "wall/tiny_vae")
    assert models(tmp_path) == [tmp_path / "models" / name for name in found]  # no student yet
    (tmp_path / "models/wall/tiny_vae/student/config.json").touch()
    assert models(tmp_path)[-1] == tmp_path / "models/wall/tiny_vae/student"


def test_a_student_is_played_and_plans_by_its_own_sampler():
    paths = paths_of(STUDENT, None, None, Path("params.yaml"))
    engine = engine_of(Playable(paths, None, 1))
    assert paths.folder == STUDENT
    assert engine.dream.steps == engine.playable.model.config.default_steps == 4
    assert hello(engine.playable, 20.0, 1).model.most_steps == 4
    session = Session(1, engine, Path("plays"), None, 60.0)
    with pytest.raises(UserError, match="is a student of 4 steps; choose at most 4"):
        session.take(messages.Settings(type="settings", steps=10))
    assert session.steps == 4
    engine.reset(0, 0, seed=0)
    engine.aim(engine.playable.frame(0, 20))
    assert len(engine.plan().actions)
    assert driven(engine, ACTIONS[:1])[0].imagined.any()
    engine.close()
