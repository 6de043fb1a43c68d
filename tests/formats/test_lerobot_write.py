"""LeRobot v3.0 as we write it: read back, and laid out as lerobot 0.6.1 lays it out."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from helpers import GOLDEN
from lerobot_helpers import CODEC, EPISODES, assert_same_video

from pipeline.errors import DataError
from pipeline.formats.lerobot import LeRobot, statistics, write_v3
from pipeline.formats.lerobot.features import LAYOUTS, META, Layout
from pipeline.formats.lerobot.source import Reading

THEIRS = Path(__file__).parent / "fixtures" / "lerobot_v3_edited"
FILE = "chunk-000/file-000.parquet"
CAMERA = "observation.image"


def written(folder, version="v3.0", layout=Layout(), episodes=EPISODES):
    LeRobot(Reading(), layout, version).write(episodes, folder)
    return folder


def read(folder):
    return LeRobot(Reading(), Layout(), "v3.0").open(folder)


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return written(tmp_path_factory.mktemp("v3") / "raw")


def test_episodes_are_read_back(ours):
    for truth, episode in zip(EPISODES, read(ours), strict=True):
        np.testing.assert_array_equal(episode.actions, truth.actions)
        np.testing.assert_array_equal(episode.states, truth.states)
        assert_same_video(episode.frames, truth.frames, CODEC)
        assert (episode.key, episode.meta) == (truth.key, truth.meta)


def test_both_versions_hold_the_same(ours, tmp_path):
    for new, old in zip(read(ours), read(written(tmp_path / "v2", "v2.1")), strict=True):
        np.testing.assert_array_equal(new.frames, old.frames)
        np.testing.assert_array_equal(new.states, old.states)


def test_a_video_can_be_handed_on_without_decoding_it(ours):
    assert all(episode.video is not None for episode in read(ours))


def types(path):
    return {field.name: str(field.type) for field in pq.read_schema(path)}


def test_columns_have_the_names_and_types_of_lerobot(ours):
    data, theirs = types(ours / "data" / FILE), types(THEIRS / "data" / FILE)
    counters = ("timestamp", "frame_index", "episode_index", "index", "task_index")
    assert {k: data[k] for k in counters} == {k: theirs[k] for k in counters}
    meta, theirs = types(ours / "meta/episodes" / FILE), types(THEIRS / "meta/episodes" / FILE)
    kinds = ("min", "max", "mean", "std", "count", "q01", "q10", "q50", "q90", "q99")
    renamed = {
        name.replace("observation.images.top", CAMERA): kind
        for name, kind in theirs.items()
        if not any(part in name for part in ("wrist", "side", "effort", "gripper", "note"))
    }
    assert meta.keys() == renamed.keys()
    assert {f"stats/action/{kind}" for kind in kinds} <= meta.keys()
    assert {k for k in meta if meta[k] != renamed[k]} <= {k for k in meta if "stats/" in k}
    tasks = json.loads(pq.read_schema(ours / "meta/tasks.parquet").metadata[b"pandas"])
    named = json.loads(pq.read_schema(THEIRS / "meta/tasks.parquet").metadata[b"pandas"])
    assert tasks["index_columns"] == named["index_columns"] == ["task"]


def test_info_has_the_keys_of_lerobot(ours):
    mine, theirs = (json.loads((f / "meta/info.json").read_text()) for f in (ours, THEIRS))
    assert mine.keys() == theirs.keys()
    for key in ("data_path", "video_path", "codebase_version", "chunks_size"):
        assert mine[key] == theirs[key]
    assert (mine["fps"], mine["total_frames"], mine["robot_type"]) == (3, 28, None)


def test_statistics_are_those_of_all_rows(ours):
    stats = json.loads((ours / "meta/stats.json").read_text())
    actions = np.concatenate([episode.actions for episode in EPISODES]).astype(float)
    for kind in ("mean", "std", "min", "max"):
        np.testing.assert_allclose(stats["action"][kind], getattr(actions, kind)(0), rtol=1e-6)
    assert stats["action"]["count"] == [28]
    pixels = np.concatenate([episode.frames for episode in EPISODES]).reshape(-1, 3) / 255
    np.testing.assert_allclose(np.ravel(stats[CAMERA]["std"]), pixels.std(0), rtol=1e-6)


def test_quantiles_of_frames_are_those_of_their_pixels():
    frames = EPISODES[0].frames
    found = statistics.of_frames(frames, quantiles=True)
    for name, share in statistics.QUANTILES.items():
        exact = np.quantile(frames.reshape(-1, 3), share, axis=0, method="inverted_cdf")
        np.testing.assert_array_equal(np.ravel(found[name]), exact / 255)


def test_new_files_are_begun_at_their_size(monkeypatch, tmp_path):
    monkeypatch.setattr(write_v3, "DATA_MB", 1e-6)
    monkeypatch.setattr(write_v3, "VIDEO_MB", 1e-6)
    folder = written(tmp_path / "raw")
    for kind in ("data", f"videos/{CAMERA}"):
        assert len(list((folder / kind).glob("chunk-000/file-*"))) == 3
    for truth, episode in zip(EPISODES, read(folder), strict=True):
        assert_same_video(episode.frames, truth.frames, CODEC)
        np.testing.assert_array_equal(episode.actions, truth.actions)


@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
def test_frames_of_odd_size_are_stored_as_images_exactly(version, tmp_path):
    odd = [replace(e, frames=e.frames[:, :31, :45].copy()) for e in EPISODES]
    for truth, episode in zip(odd, read(written(tmp_path / "raw", version, episodes=odd))):  # noqa: B905
        np.testing.assert_array_equal(episode.frames, truth.frames)


@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
def test_the_same_episodes_give_the_same_bytes(version, tmp_path):
    folders = [written(tmp_path / name, version) for name in ("one", "two")]
    names = [{p.relative_to(f) for p in f.rglob("*") if p.is_file()} for f in folders]
    assert names[0] == names[1]
    for name in names[0]:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_a_recording_without_states_has_none(tmp_path):
    bare = [replace(e, states=e.states[:, :0], meta={"task": "none"}) for e in EPISODES]
    source = read(written(tmp_path / "raw", episodes=bare))
    assert source[0].states.shape == (12, 0)
    assert source[0].meta == {"task": "none", "fps": 10}


@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
def test_what_a_simulator_needs_comes_back_though_lerobot_has_no_place_for_it(version, tmp_path):
    rooms = [replace(e, meta={"door": 30.0, "wall": n}) for n, e in enumerate(EPISODES)]
    source = read(written(tmp_path / "raw", version, episodes=rooms))
    for episode, room in zip(source, rooms, strict=True):
        assert episode.meta == {**room.meta, "task": "", "fps": 10}
    (tmp_path / "raw" / META).write_text("{")
    with pytest.raises(DataError, match=r"episode_meta.json.*: damaged .*; delete it to go"):
        read(tmp_path / "raw")


def test_no_file_of_ours_is_added_where_lerobot_has_a_place_for_all(ours):
    assert not (ours / META).exists()


def test_rt1_is_laid_out_as_published(tmp_path):
    folder = written(tmp_path / "raw", layout=LAYOUTS["rt1"])
    features = json.loads((folder / "meta/info.json").read_text())["features"]
    published = json.loads((GOLDEN / "lerobot_v3/meta/info.json").read_text())["features"]
    assert features["observation.images.image"]["dtype"] == "video"
    for name in ("action", "observation.state"):
        assert features[name]["shape"] == published[name]["shape"]
