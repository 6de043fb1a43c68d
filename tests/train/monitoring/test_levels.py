"""Errors land in the bin of their noise level, and their means are over frames."""

import csv

import pytest
import torch

from pipeline.noise.levels import CLEAN
from pipeline.train.monitoring import levels


def test_errors_land_in_the_bin_of_their_level_and_clean_frames_in_none():
    level = torch.tensor([[0, 99, 100], [CLEAN, 999, 950]])
    error = torch.tensor([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]])
    sums, counts = levels.bin_errors(error, level, 1000).reshape(2, levels.BINS).tolist()
    assert sums == [3, 4, 0, 0, 0, 0, 0, 0, 0, 48]
    assert counts == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]


@pytest.mark.parametrize("count", [10, 16, 1000])
def test_every_level_has_a_bin_and_bins_follow_each_other(count):
    level = torch.arange(count)[None]
    counts = levels.bin_errors(torch.ones(1, count), level, count)[levels.BINS :]
    assert counts.sum() == count
    assert counts.max() - counts.min() <= 1


def test_micro_batches_add_up_and_no_gradient_is_kept():
    generator = torch.Generator().manual_seed(0)
    level = torch.randint(-1, 1000, (6, 4), generator=generator)
    error = torch.rand(6, 4, generator=generator).requires_grad_()
    whole = levels.bin_errors(error, level, 1000)
    parts = sum(levels.bin_errors(error[i : i + 2], level[i : i + 2], 1000) for i in (0, 2, 4))
    torch.testing.assert_close(whole, parts)
    assert not whole.requires_grad


def test_the_mean_by_level_is_over_frames_not_over_steps():
    made = torch.zeros(2, 2 * levels.BINS)
    made[0, 0], made[0, levels.BINS] = 6.0, 1.0
    made[1, 0], made[1, levels.BINS] = 2.0, 3.0
    assert levels.mean_by_level(made) == {(0.0, 0.1): 2.0}


def test_levels_are_those_of_the_last_tenth(tmp_path):
    made = torch.zeros(100, 3 + 2 * levels.BINS)
    made[:, 3 + 3], made[:, 3 + levels.BINS + 3] = 2.0, 1.0
    made[:90, 3 + 3] = 50.0
    levels.write_levels(made, tmp_path / "levels.csv")
    with (tmp_path / "levels.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == [{"from": "0.3", "to": "0.4", "error": "2"}]
