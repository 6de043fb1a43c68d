"""The record of a run: errors land in the bin of their level, and are shown as they were."""

import csv

import pytest
import torch

from pipeline.noise.levels import CLEAN
from pipeline.train.monitoring import curve


def rows(steps):
    """A curve whose loss is the step's number, with one frame of error 2 in the bin 3."""
    made = torch.zeros(steps, curve.COLUMNS)
    made[:, 0] = torch.arange(steps)
    made[:, 1] = torch.linspace(1, 0, steps)
    made[:, 3 + 3], made[:, 3 + curve.BINS + 3] = 2.0, 1.0
    return made


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_errors_land_in_the_bin_of_their_level_and_clean_frames_in_none():
    level = torch.tensor([[0, 99, 100], [CLEAN, 999, 950]])
    error = torch.tensor([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]])
    sums, counts = curve.binned(error, level, 1000).reshape(2, curve.BINS).tolist()
    assert sums == [3, 4, 0, 0, 0, 0, 0, 0, 0, 48]
    assert counts == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]


@pytest.mark.parametrize("levels", [10, 16, 1000])
def test_every_level_has_a_bin_and_bins_follow_each_other(levels):
    level = torch.arange(levels)[None]
    counts = curve.binned(torch.ones(1, levels), level, levels)[curve.BINS :]
    assert counts.sum() == levels
    assert counts.max() - counts.min() <= 1


def test_pieces_add_up_and_no_gradient_is_kept():
    generator = torch.Generator().manual_seed(0)
    level = torch.randint(-1, 1000, (6, 4), generator=generator)
    error = torch.rand(6, 4, generator=generator).requires_grad_()
    whole = curve.binned(error, level, 1000)
    pieces = sum(curve.binned(error[i : i + 2], level[i : i + 2], 1000) for i in (0, 2, 4))
    torch.testing.assert_close(whole, pieces)
    assert not whole.requires_grad


def test_the_mean_by_level_is_over_frames_not_over_steps():
    made = torch.zeros(2, curve.COLUMNS)
    made[0, 3], made[0, 3 + curve.BINS] = 6.0, 1.0
    made[1, 3], made[1, 3 + curve.BINS] = 2.0, 3.0
    assert curve.by_level(made) == {(0.0, 0.1): 2.0}


def test_a_report_names_means_and_the_last_rate():
    shown = curve.report(rows(5)[1:4])
    assert shown == {
        "train/loss": 2.0,
        "train/learning_rate": 0.25,
        "train/gradient_norm": 0.0,
        "train/loss_by_level/0.3-0.4": 2.0,
    }


def test_the_curve_is_written_as_about_a_hundred_means(tmp_path):
    curve.write_csv(rows(1000), tmp_path / "train.csv")
    written = read(tmp_path / "train.csv")
    assert list(written[0]) == ["step", "loss", "learning_rate", "gradient_norm"]
    assert (len(written), written[0]["step"], written[-1]["step"]) == (100, "10", "1000")
    assert float(written[0]["loss"]) == 4.5


def test_the_number_of_a_late_step_is_written_in_full(tmp_path):
    curve.write_rows(tmp_path / "a.csv", ("step", "x"), [(1_234_567, 0.123456789)])
    assert read(tmp_path / "a.csv") == [{"step": "1234567", "x": "0.123457"}]


def test_levels_are_those_of_the_last_tenth(tmp_path):
    made = rows(100)
    made[:90, 3 + 3] = 50.0
    curve.write_levels(made, tmp_path / "levels.csv")
    assert read(tmp_path / "levels.csv") == [{"from": "0.3", "to": "0.4", "error": "2"}]
    assert curve.final_loss(made) == 94.5
