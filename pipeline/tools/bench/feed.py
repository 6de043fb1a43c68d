"""Time the data pipeline of training alone: drawing batches, and a device that waits for them."""

import tempfile
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median

import torch
from rich.table import Table

from pipeline.compute.threads import threads
from pipeline.latents.windows import Windows
from pipeline.noise.process import LEVELS
from pipeline.tools.bench.loader_data import Setting, open_warm_cache
from pipeline.tools.bench.timing import interleaved
from pipeline.tools.machine import Machine, describe
from pipeline.train import Options
from pipeline.train.data.batches import Batches
from pipeline.train.data.prefetch import prefetch_batches
from pipeline.train.distributed.group import Group
from pipeline.train.monitoring.throughput import ClipCost, ThroughputMeter

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@dataclass(frozen=True, slots=True)
class FeedResults:
    """Results of the bench.

    Attributes:
        setting: the windows that were drawn.
        processes: world size; this process is one of them.
        machine: that it ran on.
        draw_seconds: median time to draw a batch in one thread.
        data_wait: share of its time that a process waits for data, as the trainer counts it, by
            the milliseconds that the device takes for a step.
    """

    setting: Setting
    processes: int
    machine: Machine
    draw_seconds: float
    data_wait: dict[str, float]


def run(
    setting: Setting, processes: int, milliseconds: list[float], options: Options
) -> FeedResults:
    """Draw batches of `setting.batch` clips a process, as training on a latent cache does."""
    changes = {
        "frames": setting.frames,
        "interval": setting.interval,
        "batch": setting.batch * processes,
        "accumulation": 1,
    }
    with tempfile.TemporaryDirectory() as folder, threads(1):
        cache = open_warm_cache(Path(folder) / "latents.zarr", setting)
        windows = Windows(cache, "train", setting.frames, setting.interval)
        group = Group(0, processes, CPU, "ddp")
        batches = Batches(windows, options.model_copy(update=changes), LEVELS, group)
        steps = count()
        batches.draw(next(steps))
        draws = {"draw": lambda: batches.draw(next(steps))}
        drawn = median(interleaved(draws, setting.repeats, CPU)["draw"].wall)
        waits = {
            f"{ms:g}": data_wait_share(batches, ms / 1e3, setting.repeats) for ms in milliseconds
        }
        return FeedResults(setting, processes, describe(CPU), round(drawn, 6), waits)


def data_wait_share(batches: Batches, seconds: float, steps: int) -> float:
    """Share of the time of `steps` steps that a process waits for its batches.

    The device is simulated by sleeping `seconds` a step, which takes no CPU time. The first steps,
    before batches are prefetched, are not counted.
    """
    first = steps // 2
    meter = ThroughputMeter(ClipCost(tokens=1, flops=1.0), CPU, None)
    feed = prefetch_batches(batches.draw, range(first + steps), GPU, meter.waiting)
    for number, _ in enumerate(feed, 1):
        time.sleep(seconds)
        meter.count(batches.options.batch)
        if number == first:
            meter.read()
    return round(meter.read()["throughput/data_wait"], 6)


def table(results: FeedResults) -> Table:
    """One row for each duration of a step."""
    rendered = Table("a step takes", "clips/s", "waiting for data")
    for column in rendered.columns:
        column.justify = "right"
    for milliseconds, wait in results.data_wait.items():
        rate = results.setting.batch * 1e3 / float(milliseconds)
        rendered.add_row(f"{milliseconds} ms", f"{rate:,.0f}", f"{wait:.2%}")
    return rendered
