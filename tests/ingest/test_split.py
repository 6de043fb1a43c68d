"""Splits and statistics against the reference's own."""

import numpy as np
import pytest
import torch
from encode_helpers import encoded
from helpers import default, golden_arrays
from ingest_helpers import ONE_PROCESS, ingest_options

from pipeline.encoders import Posterior
from pipeline.episodes.episode import Episode
from pipeline.formats import FORMATS, OfficialSplit
from pipeline.ingest.ingest import Job, ingest
from pipeline.ingest.split import shuffled, split, split_by_share
from pipeline.ingest.statistics import ActionStatistics
from pipeline.latents.cache import open_cache
from pipeline.latents.windows import Windows

GOLDEN = golden_arrays("dataset")


def test_the_split_is_the_references():
    train, val = split_by_share(20, 0.9, 42)
    assert train == GOLDEN["train_traj"].tolist()
    assert val == GOLDEN["val_traj"].tolist()


class Split(list):
    """A source with an official split."""

    split = OfficialSplit(train=[4, 5, 6, 7, 8, 9], val=[3, 2, 1, 0])


def test_a_published_split_is_kept_and_visited_in_the_references_order():
    parts = split(Split(range(10)), 0.5, 42)
    # numpy.random.seed(42), then shuffle of arange(6) and, seeded again, of arange(4).
    assert parts == {"train": [4, 5, 9, 6, 8, 7], "val": [2, 0, 3, 1]}
    assert parts["train"] == [Split.split.train[i] for i in shuffled(6, 42)]


def test_action_statistics_are_the_references():
    statistics = ActionStatistics()
    for index in GOLDEN["train_traj"]:
        statistics.add(GOLDEN["actions"][index, : GOLDEN["seq_lengths"][index]].astype(np.float32))
    summary = statistics.summary()
    assert summary["mean"] == pytest.approx(GOLDEN["raw_action_mean"].tolist(), abs=1e-6)
    assert summary["std"] == pytest.approx(GOLDEN["raw_action_std"].tolist(), abs=1e-6)


def test_action_statistics_are_those_of_numpy():
    rng = np.random.default_rng(0)
    actions = rng.normal(5, 2, (100, 3)).astype(np.float32)
    statistics = ActionStatistics()
    statistics.add(actions[:30])
    others = ActionStatistics()
    others.add(actions[30:70])
    others.add(actions[70:])
    statistics.merge(others)
    exact = actions.astype(np.float64)
    summary = statistics.summary()
    np.testing.assert_allclose(summary["mean"], exact.mean(0))
    np.testing.assert_allclose(summary["std"], exact.std(0, ddof=1) + 1e-6)
    np.testing.assert_array_equal(summary["min"], exact.min(0))
    np.testing.assert_array_equal(summary["max"], exact.max(0))


class MeanPool:
    """An encoder without parameters: 4 x 4 average pooling."""

    takes = "frames"
    stochastic = False
    published_scale = None

    def to(self, device):
        return self

    def encode(self, frames):
        return Posterior(torch.nn.functional.avg_pool2d(frames.float(), 4), None)


def test_a_set_that_goes_through_the_pipeline_yields_the_references_clips(tmp_path):
    """From tables on disk to the windows of the cache: all slices, and the fixed subset."""
    lengths = GOLDEN["seq_lengths"].tolist()
    episodes = [
        Episode(
            key=f"episode_{index:03d}",
            frames=np.zeros((length, 12, 12, 3), np.uint8),
            actions=GOLDEN["actions"][index, :length].astype(np.float32),
            states=np.zeros((length, 4), np.float32),
            meta={},
        )
        for index, length in enumerate(lengths)
    ]
    module, options = default(FORMATS, "point_maze")
    layout = module.build(options)
    layout.write(episodes, tmp_path / "raw")
    job = Job("point_maze", layout.interval, options, layout.open(tmp_path / "raw"))
    options_of_ingest = ingest_options(train_share=0.9, split_seed=42)
    manifest = ingest(job, options_of_ingest, ONE_PROCESS, tmp_path / "shards")
    encoded(tmp_path / "shards", MeanPool, tmp_path / "latents.zarr")
    cache = open_cache(tmp_path / "latents.zarr")
    for part in ("train", "val"):
        windows = Windows(cache, part, frames=4, interval=manifest.interval, every=False)
        keys = [cache.seal.episodes[episode].key for episode in windows.rows[:, 0]]
        rows = [(int(key[-3:]), start) for key, start in zip(keys, windows.rows[:, 1], strict=True)]
        assert rows == [(traj, start) for traj, start, _ in GOLDEN[f"{part}_slices"].tolist()]
    assert manifest.actions["mean"] == pytest.approx(GOLDEN["raw_action_mean"].tolist(), abs=1e-6)
    assert manifest.actions["std"] == pytest.approx(GOLDEN["raw_action_std"].tolist(), abs=1e-6)
