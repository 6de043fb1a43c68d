"""The training curve is reported and written as means of its steps."""

import csv

import torch

from pipeline.train.monitoring import curve

LOGS = 4


def rows(steps):
    """A curve whose loss is the step's number, with logs that do not matter."""
    made = torch.zeros(steps, 3 + LOGS)
    made[:, 0] = torch.arange(steps)
    made[:, 1] = torch.linspace(1, 0, steps)
    made[:, 3:] = 7.0
    return made


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_report_names_means_and_the_last_rate():
    report = curve.report(rows(5)[1:4])
    assert report == {"loss": 2.0, "learning_rate": 0.25, "gradient_norm": 0.0}


def test_the_curve_is_written_as_about_a_hundred_means(tmp_path):
    curve.write_csv(rows(1000), tmp_path / "train.csv")
    written = read(tmp_path / "train.csv")
    assert list(written[0]) == ["step", "loss", "learning_rate", "gradient_norm"]
    assert (len(written), written[0]["step"], written[-1]["step"]) == (100, "10", "1000")
    assert float(written[0]["loss"]) == 4.5


def test_the_number_of_a_late_step_is_written_in_full(tmp_path):
    curve.write_rows(tmp_path / "a.csv", ("step", "x"), [(1_234_567, 0.123456789)])
    assert read(tmp_path / "a.csv") == [{"step": "1234567", "x": "0.123457"}]


def test_the_final_loss_is_the_mean_of_the_last_tenth():
    assert curve.final_loss(rows(100)) == 94.5
    assert torch.equal(curve.logs_of(rows(2)), torch.full((2, LOGS), 7.0))
