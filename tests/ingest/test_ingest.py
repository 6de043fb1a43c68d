"""Ingest is lossless, deterministic, and refuses what does not fit together."""

import numpy as np
import pytest
from helpers import make_episode

from pipeline import shards
from pipeline.errors import DataError
from pipeline.ingest import Options
from pipeline.ingest.ingest import ingest

OPTIONS = Options(episodes_per_shard=3, train_share=0.8, split_seed=42)


@pytest.fixture
def episodes():
    return [make_episode(f"episode_{i:03d}", length=10 + i) for i in range(10)]


def test_episodes_come_back_equal_and_split(episodes, tmp_path):
    manifest = ingest(episodes, "wall", False, OPTIONS, tmp_path / "out")
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


def test_statistics_see_the_train_split_alone(episodes, tmp_path):
    manifest = ingest(episodes, "wall", False, OPTIONS, tmp_path / "out")
    train = np.concatenate([e.actions for e in shards.read(tmp_path / "out", "train")])
    everything = np.concatenate([e.actions for e in episodes])
    np.testing.assert_allclose(manifest.actions["mean"], train.mean(0), rtol=1e-5)
    assert not np.allclose(manifest.actions["mean"], everything.mean(0), rtol=1e-3)


def test_the_same_episodes_give_the_same_bytes(episodes, tmp_path):
    for name in ("a", "b"):
        ingest(episodes, "wall", False, OPTIONS, tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_frame_size_that_changes_is_refused(episodes, tmp_path):
    episodes[4] = make_episode("episode_004", size=20)
    with pytest.raises(DataError, match=r"episode_004: frames are shaped \(20, 20, 3\)|one shape"):
        ingest(episodes, "wall", False, OPTIONS, tmp_path / "out")


def test_a_split_without_validation_is_refused(tmp_path):
    with pytest.raises(DataError, match="1 episodes split into 0 train and 1 val"):
        ingest([make_episode("episode_000")], "wall", False, OPTIONS, tmp_path / "out")
