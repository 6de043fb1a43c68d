"""`wm rollout` in a workspace: what it writes, and what it refuses in one line."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.checksum import sha256
from pipeline.episodes import shards, video
from pipeline.errors import UserError
from pipeline.rollout.card import CARD, FORMAT, RolloutCard
from pipeline.rollout.files import GAP
from pipeline.tools.rollout.study import STUDY, StudyFile

MODEL, LATENTS = "models/wall/tiny_vae", "data/wall/latents/tiny_vae.zarr"
INTERVAL, SIZE = 5, 32


@pytest.fixture(autouse=True)
def _in_workspace(smoke_run, monkeypatch):
    monkeypatch.chdir(smoke_run)


@pytest.fixture
def actions(tmp_path):
    """A file of actions for four frames."""
    path = tmp_path / "actions.npy"
    np.save(path, np.full((4 * INTERVAL, 2), 0.1, np.float32))
    return path


def wm(out, *options, model=MODEL, latents=LATENTS):
    words = ["rollout", str(model), str(latents), str(out), *map(str, options)]
    done = CliRunner().invoke(app, words)
    if done.exception and not isinstance(done.exception, UserError):
        raise done.exception
    return done


def rolled(out, *options, **places) -> RolloutCard:
    done = wm(out, *options, **places)
    assert done.exception is None, done.exception
    return FORMAT.read(out / CARD, RolloutCard, "")


def test_its_videos_are_what_metrics_scores(tmp_path):
    rolled(tmp_path / "out", "--clips", 2, "--frames", 3)
    words = ["metrics", str(tmp_path / "out"), "--out", str(tmp_path / "m.csv")]
    done = CliRunner().invoke(app, words)
    assert done.exception is None, done.exception
    summary = json.loads((tmp_path / "m.json").read_text())
    assert (summary["history"], summary["clips"]) == (1, ["clip_000", "clip_001"])
    rows = (tmp_path / "m.csv").read_text().splitlines()
    assert [row.split(",")[:2] for row in rows[1:4]] == [["clip_000", str(n)] for n in (1, 2, 3)]


def frames_of(path: Path):
    return video.decode(path, path.name)


def test_recorded_clips_are_written_beside_the_truth(tmp_path):
    card = rolled(tmp_path / "out", "--clips", 2, "--frames", 2, "--png")
    assert (card.history, card.frames, card.interval) == (1, 2, INTERVAL)
    assert [clip.name for clip in card.clips] == ["clip_000", "clip_001"]
    clip = card.clips[1]
    (episode,) = shards.select(Path("data/wall/shards"), [clip.episode])
    stop = clip.start + 2 * INTERVAL + 1
    truth = episode.frames[clip.start : stop : INTERVAL]
    for number, frame in enumerate(truth):
        png = Image.open(tmp_path / f"out/clip_001_truth/{number:06d}.png")
        assert np.array_equal(np.asarray(png), frame)
    given = Image.open(tmp_path / "out/clip_001_generated/000000.png")
    assert np.array_equal(np.asarray(given), truth[0])
    actions = np.load(tmp_path / "out/clip_001_actions.npy")
    assert np.array_equal(actions, episode.actions[clip.start : stop - 1])
    states = np.load(tmp_path / "out/clip_001_states.npy")
    assert np.array_equal(states, episode.states[clip.start : stop : INTERVAL])


def test_videos_play_in_browsers_and_have_three_panels(tmp_path):
    rolled(tmp_path / "out", "--clips", 1, "--frames", 2)
    for kind, width in {"generated": SIZE, "truth": SIZE, "comparison": 3 * SIZE + 2 * GAP}.items():
        path = tmp_path / f"out/clip_000_{kind}.mp4"
        with video.opened(path, "") as (_, track):
            context = track.codec_context
            assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert frames_of(path).shape == (3, SIZE, width, 3)


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    options = ("--clips", 2, "--frames", 3, "--stabilisation", 0.02)
    for out in ("first", "second"):
        rolled(tmp_path / out, *options)
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()
    rolled(tmp_path / "other", *options, "--seed", 1)
    name = "clip_000_generated.mp4"
    assert (tmp_path / "first" / name).read_bytes() != (tmp_path / "other" / name).read_bytes()


def test_simulated_clips_are_as_long_as_they_need_to_be(tmp_path):
    card = rolled(tmp_path / "out", "--clips", 1, "--simulate", "--frames", 9, "--history", 2)
    assert (card.history, card.frames, card.clips[0].source) == (2, 9, "simulated")
    assert len(frames_of(tmp_path / "out/clip_000_truth.mp4")) == 11
    assert np.load(tmp_path / "out/clip_000_actions.npy").shape == (10 * INTERVAL, 2)


def test_actions_of_the_user_are_simulated_from_a_recorded_state(tmp_path, actions):
    card = rolled(tmp_path / "out", "--episode", 1, "--start", 3, "--actions", actions)
    assert (card.frames, card.clips[0].source, card.clips[0].truth) == (4, "actions", True)
    states = np.load(tmp_path / "out/clip_000_states.npy")
    moved = np.diff(states, axis=0)
    assert (np.abs(moved - 0.1 * 2 * INTERVAL) < 0.01).all() or (np.abs(moved) <= 1.01).all()


def test_what_was_recorded_is_what_its_actions_give(tmp_path):
    """Truth by the simulator and truth by the recording are the same."""
    rolled(tmp_path / "recorded", "--episode", 0, "--frames", 3)
    actions = tmp_path / "recorded/clip_000_actions.npy"
    rolled(tmp_path / "again", "--episode", 0, "--actions", actions)
    for kind in ("truth", "generated"):
        name = f"clip_000_{kind}.mp4"
        assert (tmp_path / "recorded" / name).read_bytes() == (
            tmp_path / "again" / name
        ).read_bytes()


def test_a_picture_of_the_user_has_no_truth(tmp_path, actions):
    Image.new("RGB", (48, 40)).save(tmp_path / "mine.png")
    card = rolled(tmp_path / "out", "--from", tmp_path / "mine.png", "--actions", actions)
    assert (card.clips[0].truth, card.clips[0].episode) == (False, "mine.png")
    assert not (tmp_path / "out/clip_000_truth.mp4").exists()
    assert frames_of(tmp_path / "out/clip_000_generated.mp4").shape == (5, SIZE, SIZE, 3)


def test_a_video_of_the_user_is_the_truth_as_far_as_it_goes(tmp_path, actions):
    frames = np.zeros((2 * INTERVAL + 1, 40, 48, 3), np.uint8)
    (tmp_path / "mine.mp4").write_bytes(video.encode(frames, 8, video.H264))
    options = ("--from", tmp_path / "mine.mp4", "--actions", actions, "--native")
    card = rolled(tmp_path / "out", *options, "--history", 2)
    assert (card.frames, card.height, card.width) == (3, 40, 48)
    assert frames_of(tmp_path / "out/clip_000_generated.mp4").shape == (5, 40, 48, 3)
    assert len(frames_of(tmp_path / "out/clip_000_truth.mp4")) == 3


def test_the_card_has_the_hashes_of_model_and_latents(tmp_path):
    card = json.loads(
        (rolled(tmp_path / "out", "--frames", 1), tmp_path / "out" / CARD)[1].read_text()
    )
    digests = [*card["model"].values(), *card["latents"].values()]
    assert sum(len(value) == 64 for value in digests) == 5
    assert card["sampling"]["steps"] == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--clips", 10_000, "--frames", 2), r"--clips = 10000, but .* has \d+ validation windows"),
        (("--frames", 50), "51 frames of 5 steps, 1 of them given, but the longest validation ep"),
        (("--episode", "none"), "--episode none: .* has no such episode; give a key, such as"),
        (("--episode", 0, "--start", 99), "--start 99: .* has 24 frames"),
        (("--episode", 0, "--frames", 9), r"--frames 9: .* has 4 frames after --start 0"),
        (("--start", 2), "--start 2 is a step of an episode; add --episode KEY"),
        (("--simulate", "--episode", 0), "--simulate and --episode: clips start in one way"),
        (("--from", "a.png"), "--from a.png needs actions to follow; add --actions FILE"),
        (("--actions", "a.csv"), "--actions a.csv needs a place to start from"),
        (("--spacing", "odd"), "--spacing odd: choose trailing or linspace"),
        (("--sampler", "odd"), "sampler = 'odd'"),
        (("--stabilisation", 1), "sampling.stabilisation"),
        (("--context", 4), "sampling.context = 4, but the world model's windows have 4 frames"),
        (("--simulate", "--params", "no.yaml"), "--simulate: no.yaml has no simulator of wall"),
        (("--shards", "nowhere"), "nowhere/manifest.json: no such file"),
    ],
)
def test_wrong_options_are_told_in_one_line(tmp_path, options, message):
    refused(wm(tmp_path / "out", *options), message, tmp_path)


def refused(done, message, folder):
    assert isinstance(done.exception, UserError), done.output
    assert re.search(message, str(done.exception)), done.exception
    assert "\n" not in str(done.exception)
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((7, 3)), r"holds float64 \[7, 3\], but actions of this model are rows of 2"),
        (np.zeros((4, 2)), "has 4 actions, but 1 frames to generate need 5, 5 for each"),
        (np.full((9, 2), np.nan), "row 1 holds NaN or infinity"),
        ("x,y\n1,2\n1\n", "row 3 has 1 numbers, those before 2"),
        ("x,y\n1,2\nodd,1\n", "row 3 is no row of numbers"),
        ("x,y\n", "holds no actions"),
        (None, "no such file"),
    ],
)
def test_wrong_actions_are_told_in_one_line(tmp_path, rows, message):
    path = tmp_path / ("a.csv" if isinstance(rows, str) else "a.npy")
    if isinstance(rows, str):
        path.write_text(rows)
    elif rows is not None:
        np.save(path, rows)
    refused(wm(tmp_path / "out", "--episode", 0, "--actions", path), message, tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.mp4", b"nothing", r"a.mp4: damaged \(.*\); give an mp4, a PNG or a JPEG that plays"),
        ("a.png", b"nothing", r"a.png: damaged \("),
        ("b.png", None, "b.png: no such file"),
    ],
)
def test_unreadable_frames_are_told_in_one_line(tmp_path, actions, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = wm(tmp_path / "out", "--from", tmp_path / name, "--actions", actions)
    refused(done, message, tmp_path)


def test_odd_sizes_are_told_in_one_line(tmp_path, actions):
    Image.new("RGB", (41, 40)).save(tmp_path / "odd.png")
    options = ("--from", tmp_path / "odd.png", "--actions", actions, "--native")
    refused(wm(tmp_path / "out", *options), "40 x 41: videos that browsers play .*leave", tmp_path)
    rolled(tmp_path / "out", *options, "--no-video", "--png")
    with Image.open(tmp_path / "out/clip_000_generated/000004.png") as last:
        assert last.size == (41, 40)


def test_nothing_else_is_overwritten(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").touch()
    done = wm(tmp_path / "out", "--frames", 1)
    assert "is there already, and no rollout; name another folder" in str(done.exception)
    assert (tmp_path / "out/thesis.txt").exists()


def test_a_folder_without_a_model_is_told_in_one_line(tmp_path):
    refused(wm(tmp_path / "out", model=tmp_path), "holds no world_model with its codec", tmp_path)
    refused(wm(tmp_path / "out", latents=tmp_path), "there is no latent cache", tmp_path)


def test_a_student_is_rolled_out_and_not_its_teacher(tmp_path):
    student = Path(MODEL) / "student"
    card = rolled(tmp_path / "out", "--clips", 1, "--frames", 2, model=student)
    assert (card.sampler, card.sampling.steps) == ("consistency", 4)
    assert card.model.sha256 == sha256(student / "model.safetensors")
    done = wm(tmp_path / "no", "--sampler", "pyramid", model=student)
    assert "is a student of 4 steps" in str(done.exception)
    copy = tmp_path / "copy"
    shutil.copytree(MODEL, copy, ignore=shutil.ignore_patterns("student"))
    (copy / "student").mkdir()
    (copy / "student/skipped.txt").touch()
    for out in ("rollout", "sampler-study"):
        words = [out, str(copy / "student"), LATENTS, str(tmp_path / "no")]
        error = CliRunner().invoke(app, words).exception
        assert isinstance(error, UserError)
        assert "its stage was skipped" in str(error)


def test_a_model_that_has_diverged_is_told_in_one_line(tmp_path):
    from safetensors.torch import load_file, save_file

    broken = shutil.copytree(MODEL, tmp_path / "broken")
    weights = broken / "world_model/model.safetensors"
    save_file({n: 1e25 * w for n, w in load_file(weights).items()}, weights)
    done = wm(tmp_path / "out", "--frames", 2, model=broken)
    refused(done, "generated frame 1 is NaN or infinite: the world model has diverged", tmp_path)


def studied(out, *options, model=MODEL):
    words = ["sampler-study", str(model), LATENTS, str(out), *map(str, options)]
    done = CliRunner().invoke(app, words)
    if done.exception and not isinstance(done.exception, UserError):
        raise done.exception
    return done


def test_a_study_compares_every_combination(tmp_path):
    steps = ("--steps", 1, "--steps", 2)
    done = studied(tmp_path / "out", "--clips", 2, "--frames", 2, *steps, "--sampler", "pyramid")
    assert done.exception is None
    content = FORMAT.read(tmp_path / "out" / STUDY, StudyFile, "")
    ways = [(row.sampler, row.spacing, row.steps) for row in content.ways]
    names = [("pyramid", "trailing", 1), ("pyramid", "trailing", 2), ("pyramid", "linspace", 2)]
    assert ways == names  # linspace needs two steps
    assert (content.clips, content.frames) == (2, 2)
    rows = (tmp_path / "out/study.csv").read_text().splitlines()
    assert len(rows) == 4
    assert rows[0].startswith("sampler,spacing,steps,latent_mse,psnr,evaluations,cpu_seconds,")
    assert (tmp_path / "out/study.svg").read_bytes().startswith(b"<?xml")
    assert "pyramid" in done.stdout


def test_a_student_is_studied_in_the_ways_that_it_knows(tmp_path):
    done = studied(tmp_path / "out", "--clips", 2, "--frames", 2, model=f"{MODEL}/student")
    assert done.exception is None, done.exception
    content = FORMAT.read(tmp_path / "out" / STUDY, StudyFile, "")
    ways = [(row.sampler, row.spacing, row.steps) for row in content.ways]
    assert ways == [("consistency", "trailing", steps) for steps in (1, 2, 4)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--steps", 0), "--steps 0: choose 1 to 1000"),
        (("--spacing", "odd"), "--spacing odd: choose trailing or linspace"),
        (("--sampler", "odd"), "--sampler = 'odd'"),
        (("--clips", 9999, "--frames", 1), "--clips = 9999, but"),
    ],
)
def test_wrong_studies_are_told_in_one_line(tmp_path, options, message):
    refused(studied(tmp_path / "out", *options), message, tmp_path)
