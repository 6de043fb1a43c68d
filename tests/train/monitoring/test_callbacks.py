"""Without a terminal, training prints a line every N steps, but no more than one in ten seconds."""

import re
import time

import pytest
import torch
from train_helpers import trainer

from pipeline.train.monitoring.callbacks import MonitoringCallback
from pipeline.train.monitoring.throughput import ClipCost, ThroughputMeter
from pipeline.train.monitoring.trackers import Trackers


class Due:
    """Validation after every 8 steps, whose loss is known."""

    loss = 0.25
    strips = None
    rows = torch.zeros(0, 1)

    def due(self, step, steps):
        return step % 8 == 0

    def run(self, model, step):
        return self

    def report(self):
        return {}


def watched(cache, tmp_path, monkeypatch, seconds, every=2):
    """Train 12 steps of so many seconds each with the callback."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    one = trainer(cache)
    meter = ThroughputMeter(ClipCost(tokens=1, flops=1.0), torch.device("cpu"), None)
    callback = MonitoringCallback(None, Due(), meter, lambda _: Trackers([]), every)
    take = one.train_step

    def slow(batch):
        now[0] += seconds
        take(batch)

    one.train_step = slow
    one.fit(tmp_path, callback)
    callback.close()
    return one


def lines_of(text):
    pattern = (
        r"train: step (\d+) of 12, loss ([\d.]+)(?:, validation loss ([\d.]+))?, "
        r"learning rate ([\d.e-]+), ([\d.]+) clips/s, eta ([\d:]+)"
    )
    return [re.fullmatch(pattern, line).groups() for line in text.splitlines()]


def test_a_line_says_step_losses_rate_speed_and_the_time_left(cache, tmp_path, monkeypatch, capsys):
    one = watched(cache, tmp_path, monkeypatch, 5.0)
    told = lines_of(capsys.readouterr().err)
    assert [line[0] for line in told] == ["2", "4", "6", "8", "10"]  # the summary tells the last
    assert [line[2] for line in told] == [None, None, None, "0.2500", "0.2500"]
    assert [line[4] for line in told] == ["0.8"] * 5  # batches of 4
    assert [line[5] for line in told] == ["0:00:50", "0:00:40", "0:00:30", "0:00:20", "0:00:10"]
    mean = float(one.curve[2:4, 0].mean())
    assert float(told[1][1]) == pytest.approx(mean, abs=1e-4)
    assert float(told[1][3]) == pytest.approx(float(one.curve[3, 1]), rel=1e-2)


@pytest.mark.parametrize(
    ("seconds", "every", "steps"),
    [
        (0.9, 2, []),
        (0.9, 1, []),
        (1.0, 1, ["10"]),
        (2.5, 1, ["4", "8"]),
        (2.5, 3, ["6"]),
        (60.0, 5, ["5", "10"]),
    ],
)
def test_lines_are_every_steps_and_ten_seconds_apart(
    cache, tmp_path, monkeypatch, capsys, seconds, every, steps
):
    watched(cache, tmp_path, monkeypatch, seconds, every=every)
    assert [line[0] for line in lines_of(capsys.readouterr().err)] == steps


def test_the_speed_is_that_since_the_line_before_whatever_trackers_read(monkeypatch):
    meter = ThroughputMeter(ClipCost(tokens=1, flops=1.0), torch.device("cpu"), None)
    now = [time.perf_counter()]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    meter.reset()
    for _ in range(4):
        meter.count(4)
        now[0] += 1.0
        meter.read()
    assert meter.clips_per_second() == 4.0
    with meter.paused():
        now[0] += 5.0
    meter.count(4)
    now[0] += 2.0
    assert meter.clips_per_second() == 2.0
