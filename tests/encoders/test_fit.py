"""Fit sees the train split alone."""

import numpy as np
from helpers import make_episode
from ingest_helpers import ingested

from pipeline import shards
from pipeline.fit.fit import sample_frames


def test_frames_are_strided_and_of_one_split(tmp_path):
    episodes = [make_episode(f"episode_{i:03d}") for i in range(10)]
    ingested(episodes, tmp_path / "shards", episodes_per_shard=4, train_share=0.5)
    taken = sample_frames(tmp_path / "shards", "train", 9, stride=3)
    train = [episode.frames[::3] for episode in shards.read(tmp_path / "shards", "train")]
    expected = np.concatenate(train)[:9].transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(taken.numpy(), expected)


def test_frames_have_the_size_that_encoders_see(tmp_path):
    episodes = [make_episode(f"episode_{i:03d}") for i in range(4)]
    ingested(episodes, tmp_path / "shards", resolution=(8, 12), train_share=0.5)
    assert sample_frames(tmp_path / "shards", "val", 5, stride=1).shape == (5, 3, 8, 12)
