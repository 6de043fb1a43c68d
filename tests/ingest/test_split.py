"""Splits and statistics against the reference's own."""

import numpy as np
import pytest
from conftest import GOLDEN

from pipeline.ingest.split import ActionStatistics, split


def test_the_split_is_the_references():
    arrays = np.load(GOLDEN / "dataset.npz")
    train, val = split(20, 0.9, 42)
    assert train == arrays["train_traj"].tolist()
    assert val == arrays["val_traj"].tolist()


def test_action_statistics_are_the_references():
    arrays = np.load(GOLDEN / "dataset.npz")
    statistics = ActionStatistics()
    for index in arrays["train_traj"]:
        statistics.add(arrays["actions"][index, : arrays["seq_lengths"][index]].astype(np.float32))
    summary = statistics.summary()
    assert summary["mean"] == pytest.approx(arrays["raw_action_mean"].tolist(), abs=1e-6)
    assert summary["std"] == pytest.approx(arrays["raw_action_std"].tolist(), abs=1e-6)


def test_action_statistics_are_those_of_numpy():
    rng = np.random.default_rng(0)
    actions = rng.normal(5, 2, (100, 3)).astype(np.float32)
    statistics = ActionStatistics()
    statistics.add(actions[:30])
    statistics.add(actions[30:])
    exact = actions.astype(np.float64)
    summary = statistics.summary()
    np.testing.assert_allclose(summary["mean"], exact.mean(0))
    np.testing.assert_allclose(summary["std"], exact.std(0, ddof=1) + 1e-6)
    np.testing.assert_array_equal(summary["min"], exact.min(0))
    np.testing.assert_array_equal(summary["max"], exact.max(0))
