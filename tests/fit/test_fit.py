"""Fit sees the train split alone, and says how it went."""

import numpy as np
import pytest
import torch
from helpers import make_episode
from ingest_helpers import ingested

from pipeline.encoders import Encoder, Posterior, Samples
from pipeline.episodes import shards
from pipeline.fit.fit import health_of, sample


def test_frames_are_strided_and_of_one_split(tmp_path):
    episodes = [make_episode(f"episode_{i:03d}") for i in range(10)]
    ingested(episodes, tmp_path / "shards", episodes_per_shard=4, train_share=0.5)
    taken = sample(tmp_path / "shards", "train", 9, stride=3).frames
    train = [episode.frames[::3] for episode in shards.read(tmp_path / "shards", "train")]
    expected = np.concatenate(train)[:9].transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(taken.numpy(), expected)
    assert taken.is_contiguous(memory_format=torch.channels_last)  # as in the shards
    assert len(sample(tmp_path / "shards", "train", 10**4, stride=3).frames) == sum(map(len, train))


def test_frames_have_the_size_that_encoders_see(tmp_path):
    episodes = [make_episode(f"episode_{i:03d}") for i in range(4)]
    ingested(episodes, tmp_path / "shards", resolution=(11, 12), train_share=0.5)
    assert sample(tmp_path / "shards", "val", 5, stride=1).frames.shape == (5, 3, 11, 12)


class Flat(Encoder):
    """An encoder that says the same of every frame."""

    stochastic = False

    def encode(self, frames):
        return Posterior(torch.ones(len(frames), 3, 4, 4), None)


class Pixels(Flat):
    """An encoder that says everything."""

    def encode(self, frames):
        return Posterior(frames.float(), None)


def test_a_collapsed_encoder_is_told_from_one_that_says_something():
    frames = torch.randint(0, 255, (40, 3, 4, 4), generator=torch.Generator().manual_seed(0))
    samples = Samples(frames, torch.zeros(40, 0))
    assert health_of(Flat(), samples).std == 0
    assert health_of(Flat(), samples).rank == pytest.approx(1)
    assert health_of(Pixels(), samples).rank == pytest.approx(3, abs=0.1)
    assert health_of(Pixels(), samples).std == pytest.approx(73, abs=5)
