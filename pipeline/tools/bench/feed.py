"""Timing the data of training by itself: batches that are drawn, and a device that awaits them."""

import tempfile
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median

import torch
from rich.table import Table

from pipeline.encode.shard import one_thread
from pipeline.latents.windows import Windows
from pipeline.noise.process import LEVELS
from pipeline.tools.bench.loader_data import Setting, warm_store
from pipeline.tools.bench.timing import interleaved
from pipeline.tools.machine import Machine, describe
from pipeline.train import Options
from pipeline.train.data.batches import Batches
from pipeline.train.data.prefetch import prefetch_batches
from pipeline.train.distributed.group import Group
from pipeline.train.monitoring.throughput import ClipCost, ThroughputMeter

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that the bench found.

    Attributes:
        setting: what was drawn.
        processes: that train together; this is one of them.
        machine: where.
        draw_seconds: median of a batch, drawn in one thread.
        data_wait: by the milliseconds that a device takes for a step: the share of its time that
            a process waits for data, by the trainer's own counters.
    """

    setting: Setting
    processes: int
    machine: Machine
    draw_seconds: float
    data_wait: dict[str, float]


def run(setting: Setting, processes: int, milliseconds: list[float], options: Options) -> Found:
    """Draw batches of `setting.batch` clips a process, as training on a latent cache does."""
    changes = {
        "frames": setting.frames,
        "interval": setting.interval,
        "batch": setting.batch * processes,
        "accumulation": 1,
    }
    with tempfile.TemporaryDirectory() as folder, one_thread():
        cache = warm_store(Path(folder) / "latents.zarr", setting)
        windows = Windows(cache, "train", setting.frames, setting.interval)
        group = Group(0, processes, CPU, "ddp")
        batches = Batches(windows, options.model_copy(update=changes), LEVELS, group)
        steps = count()
        batches.draw(next(steps))
        draws = {"draw": lambda: batches.draw(next(steps))}
        drawn = median(interleaved(draws, setting.repeats, CPU)["draw"].wall)
        waits = {f"{ms:g}": waited(batches, ms / 1e3, setting.repeats) for ms in milliseconds}
        return Found(setting, processes, describe(CPU), round(drawn, 6), waits)


def waited(batches: Batches, seconds: float, steps: int) -> float:
    """Share of the time of `steps` steps that a process waits for its batches.

    Its device takes so many seconds for a step and nothing of the CPU: it sleeps. The first steps,
    which find no batch ready, are not counted.
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


def table(found: Found) -> Table:
    """One line for each device."""
    shown = Table("a step takes", "clips/s", "waiting for data")
    for column in shown.columns:
        column.justify = "right"
    for milliseconds, wait in found.data_wait.items():
        rate = found.setting.batch * 1e3 / float(milliseconds)
        shown.add_row(f"{milliseconds} ms", f"{rate:,.0f}", f"{wait:.2%}")
    return shown
