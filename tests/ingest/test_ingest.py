"""Ingest is lossless and deterministic, and refuses or quarantines invalid episodes."""

import errno
import hashlib
import tarfile
import zlib

import numpy as np
import pytest
import torch
from dataset_helpers import layout, write
from helpers import make_episode
from ingest_helpers import ingested

from pipeline.episodes import shards, video
from pipeline.episodes.episode import Episode
from pipeline.errors import DataError
from pipeline.formats import OfficialSplit
from pipeline.ingest.statistics import ActionStatistics

SMALL = {"episodes_per_shard": 3, "train_share": 0.8}


@pytest.fixture
def episodes():
    return [make_episode(f"episode_{i:03d}", length=10 + i) for i in range(10)]


def test_frames_too_small_to_be_scored_are_refused_before_any_is_packed(tmp_path):
    with pytest.raises(DataError, match=r"frames: 8 x 8 pixels, but SSIM .* or more"):
        ingested([make_episode(str(i), size=8) for i in range(3)], tmp_path / "out", **SMALL)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("codec", ["raw", "deflate", "h264"])
def test_episodes_come_back_equal_and_split_in_every_lossless_codec(codec, episodes, tmp_path):
    manifest = ingested(episodes, tmp_path / "out", codec=codec, **SMALL)
    assert (manifest.episodes, manifest.frames) == (10, sum(map(len, episodes)))
    assert [shard.name for shard in manifest.shards] == [
        "train-000000.tar",
        "train-000001.tar",
        "train-000002.tar",
        "val-000000.tar",
    ]
    by_key = {episode.key: episode for episode in episodes}
    read = list(shards.read(tmp_path / "out"))
    assert {episode.key for episode in read} == set(by_key)
    for episode in read:
        original = by_key[episode.key]
        assert episode.meta == original.meta
        for field in ("frames", "actions", "states"):
            np.testing.assert_array_equal(getattr(episode, field), getattr(original, field))
    val = [episode.key for episode in shards.read(tmp_path / "out", "val")]
    assert len(val) == 2
    assert not set(val) & {episode.key for episode in shards.read(tmp_path / "out", "train")}


def test_a_recorded_video_is_copied_byte_for_byte(tmp_path):
    plain = [make_episode(f"episode_{i}", size=32) for i in range(3)]
    filmed = []
    for episode in plain:
        content = video.encode([*episode.frames, episode.frames[-1]], 10, video.H264)
        frames = video.decode(content, episode.key, len(episode))
        filmed.append(
            Episode(episode.key, frames, episode.actions, episode.states, {}, video=content)
        )
    ingested(filmed, tmp_path / "out", train_share=0.7)
    with tarfile.open(tmp_path / "out" / "train-000000.tar") as tar:
        stored = tar.extractfile("episode_0.frames.mp4").read()
    assert stored == filmed[0].video
    for episode in shards.read(tmp_path / "out"):
        original = filmed[int(episode.key[-1])]
        assert len(episode) == len(original)  # the video has a frame more
        np.testing.assert_array_equal(episode.frames, original.frames)


def test_statistics_see_the_train_split_alone(episodes, tmp_path):
    manifest = ingested(episodes, tmp_path / "out", **SMALL)
    train = np.concatenate([e.actions for e in shards.read(tmp_path / "out", "train")])
    everything = np.concatenate([e.actions for e in episodes])
    np.testing.assert_allclose(manifest.actions["mean"], train.mean(0), rtol=1e-5)
    np.testing.assert_allclose(manifest.actions["std"], train.std(0, ddof=1), rtol=1e-4)
    assert not np.allclose(manifest.actions["mean"], everything.mean(0), rtol=1e-3)


def test_an_action_that_never_moves_in_training_is_named_and_stays_small_where_it_moves(
    tmp_path, capfd
):
    """A gripper that is open in all of training, and closes in validation."""
    episodes = [make_episode(f"episode_{i}") for i in range(4)]
    for index, episode in enumerate(episodes):
        episode.actions[:, 1] = 1 if index < 3 else 0
    split = OfficialSplit(train=[0, 1, 2], val=[3])
    actions = ingested(episodes, tmp_path / "out", split=split).actions
    assert "action[1] is 1 throughout the train split" in capfd.readouterr().err
    assert actions["std"][1] == pytest.approx(actions["std"][0], abs=2e-6)
    ingested(episodes, tmp_path / "raw", split=split, normalise_actions=False)
    assert not capfd.readouterr().err


@pytest.mark.parametrize("offset", [0, 1e3, 4.5e6])
def test_statistics_in_parts_are_those_of_all_however_far_from_zero(offset):
    rng = np.random.default_rng(0)
    parts = [(offset + rng.normal(0, 0.3, (50, 3))).astype(np.float32) for _ in range(400)]
    statistics = ActionStatistics()
    for part in parts:
        statistics.add(part)
    everything = np.concatenate(parts).astype(np.float64)
    assert statistics.varies().all()
    found = np.array(statistics.summary()["std"]) - 1e-6
    np.testing.assert_allclose(found, everything.std(0, ddof=1), rtol=1e-10)


def test_a_split_that_comes_with_the_data_is_kept(episodes, tmp_path):
    split = OfficialSplit(train=[0, 1, 2], val=[7, 8])
    manifest = ingested(episodes, tmp_path / "out", split=split)
    keys = {shard.split: set(shard.episodes) for shard in manifest.shards}
    assert keys["train"] == {"episode_000", "episode_001", "episode_002"}
    assert keys["val"] == {"episode_007", "episode_008"}


def test_shards_are_hashed(episodes, tmp_path):
    manifest = ingested(episodes, tmp_path / "out", **SMALL)
    for shard in manifest.shards:
        content = (tmp_path / "out" / shard.name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == shard.sha256
        assert len(content) == shard.bytes


WRONG = {
    "unreadable": (DataError("x.mp4: damaged"), r"x.mp4: damaged"),
    "of another size": (make_episode("odd", size=20), r"odd: frames have shape \(20, 20, 3\)"),
    "too short": (
        make_episode("brief", length=4),
        r"brief: has 4 frames, but ingest.shortest",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_episode_that_is_wrong_is_refused_or_listed(name, episodes, tmp_path):
    wrong, message = WRONG[name]
    episodes[4] = wrong  # trains
    with pytest.raises(DataError, match=message):
        ingested(episodes, tmp_path / "out", shortest=10, **SMALL)
    manifest = ingested(episodes, tmp_path / "skip", shortest=10, on_error="skip", **SMALL)
    (bad,) = manifest.quarantined
    assert bad.episode in ("damaged_4", "odd", "brief")
    assert bad.split == "train"
    assert manifest.episodes == 9
    assert len(list(shards.read(tmp_path / "skip"))) == 9
    others = [episode for index, episode in enumerate(episodes) if index != 4]
    assert manifest.frames == sum(map(len, others))


FAULTS = (KeyError("bytes"), OSError(errno.EIO, "bad block"), zlib.error("Error -3"), IndexError())


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_what_data_makes_a_library_raise_names_the_episode(fault, episodes, tmp_path):
    episodes[4] = fault
    message = rf"^episode damaged_4: cannot be read \({type(fault).__name__}: .*ingest.on_error to"
    with pytest.raises(DataError, match=message):
        ingested(episodes, tmp_path / "out", **SMALL)
    manifest = ingested(episodes, tmp_path / "skip", on_error="skip", **SMALL)
    assert [bad.episode for bad in manifest.quarantined] == ["damaged_4"]
    assert manifest.episodes == 9


BUGS = (AssertionError("ours"), TypeError("ours"), MemoryError(), OSError(errno.EMFILE, "many"))


@pytest.mark.parametrize("fault", BUGS, ids=repr)
def test_no_bug_of_ours_and_nothing_that_the_machine_lacks_counts_as_damage(
    fault, episodes, tmp_path
):
    episodes[4] = fault
    with pytest.raises(type(fault)):
        ingested(episodes, tmp_path / "out", on_error="skip", **SMALL)


def test_an_episode_that_is_listed_twice_is_refused_or_listed(episodes, tmp_path):
    episodes[4] = episodes[7]
    with pytest.raises(DataError, match=r"^episode episode_007: is listed more than once; list it"):
        ingested(episodes, tmp_path / "out", **SMALL)
    manifest = ingested(episodes, tmp_path / "skip", on_error="skip", **SMALL)
    assert [bad.episode for bad in manifest.quarantined] == ["episode_007"] * 2
    assert manifest.episodes == 8


def test_an_odd_episode_that_comes_first_does_not_set_the_shape(episodes, tmp_path):
    episodes[8] = make_episode("odd", size=20)  # the first that trains
    manifest = ingested(episodes, tmp_path / "out", on_error="skip", **SMALL)
    assert [bad.episode for bad in manifest.quarantined] == ["odd"]
    assert manifest.frame_shape == (16, 16, 3)


def test_a_zeroed_block_of_a_video_quarantines_its_episode(tmp_path):
    write("pusht", tmp_path / "raw", (12, 12, 12, 12))
    path = tmp_path / "raw/train/obses/episode_001.mp4"
    content = bytearray(path.read_bytes())
    content[1024:1280] = bytes(256)
    path.write_bytes(content)
    source = layout("pusht").open(tmp_path / "raw")
    (bad,) = ingested(source, tmp_path / "out", on_error="skip").quarantined
    assert bad.episode == "train_episode_001"
    assert "episode_001.mp4: damaged" in bad.reason


def test_absent_and_repeated_episodes_of_a_lerobot_set_are_quarantined(tmp_path):
    raw = tmp_path / "raw"
    write("rt1", raw, (5, 6, 5, 7, 5, 6))
    (raw / "data/chunk-000/episode_000001.parquet").unlink()
    listed = raw / "meta/episodes.jsonl"
    lines = listed.read_text().splitlines(keepends=True)
    listed.write_text("".join([*lines, lines[4]]))
    source = layout("rt1").open(raw)
    manifest = ingested(source, tmp_path / "out", on_error="skip", train_share=0.5)
    reasons = {bad.episode: bad.reason for bad in manifest.quarantined}
    assert set(reasons) == {"episode_000001", "episode_000004"}
    assert "no such file, and no other holds the episode's rows" in reasons["episode_000001"]
    assert "is listed 2 times" in reasons["episode_000004"]
    assert (manifest.episodes, manifest.frames) == (4, 23)
    with pytest.raises(DataError, match=r"or set ingest.on_error to skip"):
        ingested(source, tmp_path / "failed", train_share=0.5)


def test_the_first_episode_may_be_the_wrong_one(episodes, tmp_path):
    for index in (8, 1, 5):  # the first three that train
        episodes[index] = DataError("gone")
    manifest = ingested(episodes, tmp_path / "out", on_error="skip", **SMALL)
    assert len(manifest.quarantined) == 3
    assert manifest.shards[0].name == "train-000001.tar"  # nothing was left of the first


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_split_of_which_nothing_can_be_read_is_refused(split, episodes, tmp_path):
    parts = OfficialSplit(train=[0, 1, 2], val=[3, 4])
    for index in getattr(parts, split):
        episodes[index] = DataError("gone")
    with pytest.raises(DataError, match="episodes is valid"):
        ingested(episodes, tmp_path / "out", split=parts, on_error="skip")


def test_a_split_without_validation_is_refused(tmp_path):
    with pytest.raises(DataError, match="1 episodes leave none for the train split"):
        ingested([make_episode("episode_000")], tmp_path / "out")


def test_the_manifest_says_how_encoders_see_frames(episodes, tmp_path):
    as_recorded = ingested(episodes, tmp_path / "a", **SMALL)
    assert as_recorded.view.apply(episodes[0].frames).shape == (10, 3, 16, 16)
    small = ingested(episodes, tmp_path / "b", resolution=(11, 12), **SMALL)
    assert small.frame_shape == (16, 16, 3)
    seen = small.view.apply(episodes[0].frames)
    assert seen.shape == (10, 3, 11, 12)
    assert seen.dtype == torch.uint8
    assert small.digest() != as_recorded.digest()
