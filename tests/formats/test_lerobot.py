"""LeRobot v2 data sets are read exactly as they were written, by us and by the lerobot library."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import ROOT
from lerobot_helpers import (
    CAMERA,
    CODEC,
    DATA,
    EPISODES,
    TASKS,
    VIDEO,
    assert_same_video,
    column,
    edit,
    layout,
    make,
    vectors,
    waves,
)  # fmt: skip

from pipeline.episodes import video
from pipeline.errors import DataError

STATE_NAMES = ("state", "environment_state")


def test_written_episodes_are_read_back(written):
    source = layout().open(written)
    assert source.split is None
    assert len(source) == len(EPISODES)
    for index, truth in enumerate(EPISODES):
        episode = source[index]
        assert episode.key == source.key(index) == truth.key
        assert episode.meta == truth.meta
        np.testing.assert_array_equal(episode.actions, truth.actions)
        np.testing.assert_array_equal(episode.states, truth.states)
        assert_same_video(episode.frames, truth.frames, CODEC)
        assert episode.video is not None
        np.testing.assert_array_equal(video.decode(episode.video, "video"), episode.frames)


@pytest.mark.parametrize("size", [0, 1, 5, 8, 9])
def test_states_of_any_size_are_split_and_joined_again(size, tmp_path):
    truth = make(0, 6, states=size)
    layout().write([truth], tmp_path / "raw")
    features = json.loads((tmp_path / "raw/meta/info.json").read_text())["features"]
    sizes = [features.get(f"observation.{name}", {}).get("shape") for name in STATE_NAMES]
    assert sizes == [[min(size, 8)] if size else None, [size - 8] if size > 8 else None]
    np.testing.assert_array_equal(layout().open(tmp_path / "raw")[0].states, truth.states)


def test_the_layout_is_as_published(written):
    info = json.loads((written / "meta/info.json").read_text())
    assert info["fps"] == 3
    assert info["total_frames"] == 28
    assert info["features"]["action"] == {
        "dtype": "float32",
        "shape": [7],
        "names": {"motors": ["x", "y", "z", "roll", "pitch", "yaw", "gripper"]},
    }
    feature = info["features"][CAMERA]
    assert (feature["dtype"], feature["shape"]) == ("video", [48, 64, 3])
    with av.open(str(written / VIDEO)) as container:
        track = container.streams.video[0]
        packets = [p for p in container.demux(track) if p.pts is not None]
        assert (track.codec.canonical_name, track.pix_fmt) == (
            "av1",
            feature["info"]["video.pix_fmt"],
        )
    assert [packet.is_keyframe for packet in packets] == [n % 2 == 0 for n in range(9)]
    lines = (written / "meta/episodes.jsonl").read_text().splitlines()
    assert json.loads(lines[1])["length"] == 9
    columns = {f.name: str(f.type) for f in pq.read_schema(written / DATA)}
    assert columns["action"] == "fixed_size_list<element: float>[7]"
    assert columns["timestamp"] == "float"
    assert columns["task_index"] == "int64"


@pytest.fixture(scope="module")
def peer(written, tmp_path_factory):
    """What the lerobot library reads from our set, and from one that it wrote itself."""
    if importlib.util.find_spec("lerobot") is None:
        pytest.skip("lerobot is not installed: make test installs it")
    folder = tmp_path_factory.mktemp("peer")
    rng = np.random.default_rng(0)
    truth = {
        f"{episode.key[-1]}/{name}": value
        for episode in EPISODES[:2]
        for name, value in {
            CAMERA: episode.frames,
            "observation.images.still": rng.integers(0, 256, (len(episode), 16, 16, 3), np.uint8),
            "observation.state": episode.states[:, :8],
            "observation.environment_state": episode.states[:, 8:],
            "action": episode.actions,
        }.items()
    }
    np.savez(folder / "truth.npz", **truth)
    subprocess.run(
        [
            sys.executable, "-W", "ignore", Path(__file__).with_name("lerobot_peer.py"),
            folder / "theirs", folder / "truth.npz", written, folder / "out.npz",
        ],
        cwd=ROOT, check=True, capture_output=True,
        env={**os.environ, "HF_HOME": str(folder / "hf"), "HF_HUB_OFFLINE": "1",
             "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    with np.load(folder / "out.npz") as file:
        return folder / "theirs", truth, dict(file)


@pytest.mark.slow
def test_a_set_that_lerobot_wrote_is_read_as_lerobot_reads_it(peer):
    folder, truth, out = peer
    assert out["theirs/version"] == "v2.1"
    episodes = list(layout().open(folder))
    assert [len(episode) for episode in episodes] == [12, 9]
    for number, episode in enumerate(episodes):
        rows = out["theirs/episode_index"] == number
        assert set(out["theirs/task"][rows]) == {episode.meta["task"]} == {TASKS[number]}
        assert_same_video(episode.frames, truth[f"{number}/{CAMERA}"], CODEC)
        theirs = np.rint(out[f"theirs/{CAMERA}"][rows] * 255).transpose(0, 2, 3, 1)
        np.testing.assert_array_equal(episode.frames, theirs)
        np.testing.assert_array_equal(episode.actions, out["theirs/action"][rows])
        states = [out[f"theirs/observation.{name}"][rows] for name in STATE_NAMES]
        np.testing.assert_array_equal(episode.states, np.concatenate(states, 1))
        np.testing.assert_array_equal(episode.states, EPISODES[number].states)


@pytest.mark.slow
def test_frames_that_lerobot_stored_as_images_are_read_exactly(peer):
    folder, truth, _ = peer
    episode = layout("observation.images.still").open(folder)[1]
    np.testing.assert_array_equal(episode.frames, truth["1/observation.images.still"])
    assert episode.video is None


@pytest.mark.slow
def test_lerobot_opens_what_we_write(peer, written):
    out = {name.removeprefix("ours/"): value for name, value in peer[2].items()}
    for number, episode in enumerate(layout().open(written)):
        rows = out["episode_index"] == number
        assert set(out["task"][rows]) == {episode.meta["task"]}
        np.testing.assert_array_equal(out["action"][rows], episode.actions)
        np.testing.assert_array_equal(out["observation.state"][rows], episode.states[:, :8])
        frames = np.rint(out[CAMERA][rows] * 255).transpose(0, 2, 3, 1)
        np.testing.assert_array_equal(frames, episode.frames)
    actions = np.concatenate([episode.actions for episode in EPISODES])
    colours = np.concatenate([episode.frames for episode in EPISODES]).reshape(-1, 3) / 255
    for name, truth, shape in (("action", actions, (7,)), (CAMERA, colours, (3, 1, 1))):
        for kind in ("mean", "std", "min", "max"):
            expected = getattr(truth, kind)(0).reshape(shape)
            np.testing.assert_allclose(out[f"stats/{name}/{kind}"], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(out["index"], np.arange(28))


def test_v20_without_any_statistics_is_read_the_same(v2, written):
    (v2 / "meta/episodes_stats.jsonl").unlink()
    edit(v2 / "meta/info.json", lambda info: info.update(codebase_version="v2.0"))

    def rename(info):
        feature = info["features"][CAMERA]
        feature["video_info"] = feature.pop("info")

    edit(v2 / "meta/info.json", rename)
    ours, expected = layout().open(v2)[1], layout().open(written)[1]
    np.testing.assert_array_equal(ours.frames, expected.frames)
    np.testing.assert_array_equal(ours.actions, expected.actions)
    assert ours.meta == expected.meta


def test_h264_is_read_too(v2):
    (v2 / VIDEO).write_bytes(video.encode(EPISODES[1].frames, 3, video.H264))
    episode = layout().open(v2)[1]
    assert_same_video(episode.frames, EPISODES[1].frames, CODEC)
    assert episode.video == (v2 / VIDEO).read_bytes()


@pytest.mark.parametrize("gone", [DATA, VIDEO])
def test_the_first_episodes_of_a_partial_set_can_be_chosen(gone, v2):
    (v2 / gone).unlink()
    source = layout(episodes=1).open(v2)
    assert (len(source), source.unreadable) == (1, [])
    np.testing.assert_array_equal(source[0].actions, EPISODES[0].actions)
    with pytest.raises(DataError, match=r"3 episodes, but datasets.NAME.episodes is 4; lower"):
        layout(episodes=4).open(v2)


@pytest.mark.parametrize("more", [1, 2])
def test_a_video_may_go_on_for_less_than_a_second_after_the_last_row(more, v2):
    frames = waves(len(EPISODES[1]) + more, 1)
    (v2 / VIDEO).write_bytes(video.encode(frames, 3, video.AV1))
    episode = layout().open(v2)[1]
    assert episode.meta == {**EPISODES[1].meta, "surplus_frames": more}
    assert_same_video(episode.frames, EPISODES[1].frames, CODEC)
    np.testing.assert_array_equal(video.decode(episode.video, "own", 9), episode.frames)


def test_rows_with_a_recorder_s_timestamps_are_read_by_frame_index(v2, written):
    times = np.arange(9) / 3 + np.linspace(0, 0.3, 9)
    column("timestamp", pa.array(times, pa.float32()))(v2)
    with pytest.raises(DataError, match=r"set datasets.NAME.align_by to frame_index"):
        layout().open(v2)[1]
    episode = layout(align_by="frame_index").open(v2)[1]
    np.testing.assert_array_equal(episode.frames, layout().open(written)[1].frames)
    np.testing.assert_array_equal(episode.actions, EPISODES[1].actions)


def test_a_complete_set_is_read_silently(v2, capsys):
    layout().open(v2)[0]
    assert capsys.readouterr() == ("", "")


def test_a_table_is_read_again_once_it_changes(v2):
    source = layout().open(v2)
    before = source[1].actions
    column("action", vectors(before * 2))(v2)
    np.testing.assert_array_equal(source[1].actions, before * 2)
