"""Fit sees the train split alone."""

import numpy as np
from helpers import make_episode

from pipeline import shards
from pipeline.fit.fit import sample_frames
from pipeline.ingest import Options
from pipeline.ingest.ingest import ingest


def test_frames_are_strided_and_of_one_split(tmp_path):
    episodes = [make_episode(f"episode_{i:03d}") for i in range(10)]
    options = Options(episodes_per_shard=4, train_share=0.5, split_seed=1)
    ingest(episodes, "wall", False, options, tmp_path / "shards")
    taken = sample_frames(tmp_path / "shards", "train", 9, stride=3)
    train = [episode.frames[::3] for episode in shards.read(tmp_path / "shards", "train")]
    np.testing.assert_array_equal(taken, np.concatenate(train)[:9])
