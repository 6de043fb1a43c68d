"""Splits and statistics against the reference's own."""

import numpy as np
import pytest
from helpers import golden_arrays

from pipeline.ingest.split import ActionStatistics, split

DATASET = golden_arrays("dataset")


def test_the_split_is_the_references():
    train, val = split(20, 0.9, 42)
    assert train == DATASET["train_traj"].tolist()
    assert val == DATASET["val_traj"].tolist()


def test_action_statistics_are_the_references():
    statistics = ActionStatistics()
    for index in DATASET["train_traj"]:
        statistics.add(
            DATASET["actions"][index, : DATASET["seq_lengths"][index]].astype(np.float32)
        )
    summary = statistics.summary()
    assert summary["mean"] == pytest.approx(DATASET["raw_action_mean"].tolist(), abs=1e-6)
    assert summary["std"] == pytest.approx(DATASET["raw_action_std"].tolist(), abs=1e-6)


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
