"""Speed is counted from clips and the clock; the clock of these tests goes by hand."""

import time

import pytest
import torch

from pipeline.compute import peak_flops as ceiling
from pipeline.train.monitoring.throughput import ClipCost, ThroughputMeter, peak_flops

CPU = torch.device("cpu")


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass only when a test says so."""
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def pass_by(seconds):
        now[0] += seconds

    return pass_by


def train(meter, clock):
    """Two steps of 8 clips in 4 s, of which 1 s are spent waiting."""
    for _ in range(2):
        with meter.waiting():
            clock(0.5)
        clock(1.5)
        meter.count(8)


def test_clips_tokens_waits_and_the_share_of_the_peak(clock):
    meter = ThroughputMeter(ClipCost(tokens=10, flops=3.0), CPU, peak=24.0)
    train(meter, clock)
    reading = meter.read()
    assert reading.pop("memory/peak_gb") > 0.01
    assert reading == {
        "throughput/clips_per_second": 4.0,
        "throughput/tokens_per_second": 40.0,
        "throughput/data_wait": 0.25,
        "throughput/share_of_peak": 0.5,
    }


def test_each_reading_is_of_its_own_time_and_the_total_of_all(clock):
    meter = ThroughputMeter(ClipCost(tokens=10, flops=3.0), CPU, peak=None)
    train(meter, clock)
    meter.read()
    clock(4.0)
    assert meter.read()["throughput/clips_per_second"] == 0.0
    total = meter.total()
    assert total.pop("peak_memory_gb") > 0.01
    assert total == {"clips_per_second": 2.0, "tokens_per_second": 20.0, "data_wait": 0.125}


def test_a_pause_counts_for_nothing(clock):
    meter = ThroughputMeter(ClipCost(tokens=10, flops=3.0), CPU, peak=None)
    with meter.paused():
        clock(1000.0)
    train(meter, clock)
    assert meter.total()["clips_per_second"] == 4.0


def test_a_cpu_has_no_peak_to_be_held_against():
    assert peak_flops(CPU, torch.float32, 1) is None


def test_the_ceiling_counts_two_operations_for_each_term_of_a_product(monkeypatch):
    ticks = iter(range(1000))
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(ticks)))
    monkeypatch.setitem(ceiling.SIDES, "cpu", 4)
    assert ceiling.matmul_flops(CPU, torch.float32) == 2 * 4**3
