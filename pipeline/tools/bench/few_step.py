"""Few-step students: frames per CPU-second beside their teacher's, with and without a KV cache."""

from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from pipeline.denoisers.nanowm import NanoWM
from pipeline.tools.bench import Sampling
from pipeline.tools.bench.results import BASELINE, BOUNDS
from pipeline.tools.bench.sampler import CACHED, draw, forward_counts, relative_error
from pipeline.tools.bench.setting import Inputs, inputs, network, randomised, velocity
from pipeline.tools.bench.timing import TimeStats, interleaved, speedup
from pipeline.tools.machine import Machine, describe

TEACHER, FEW = 50, 4
"""Steps of a teacher, and of a student that is no one-step one."""


@dataclass(frozen=True, slots=True)
class Row:
    """Results of one way to sample.

    Attributes:
        evaluations: of the network for a generated frame, in frames that pass through it.
        cpu_seconds: of a window.
        frames_per_cpu_second: that are generated.
        speedup: over the teacher, by CPU time; median over rounds.
    """

    evaluations: float
    cpu_seconds: TimeStats
    frames_per_cpu_second: float
    speedup: float


@dataclass(frozen=True, slots=True)
class Results:
    """Results of the bench: rows by name, the teacher's first."""

    bench: str
    setting: Sampling
    machine: Machine
    difference: float
    rows: dict[str, Row]


def run(setting: Sampling, device: torch.device) -> Results:
    """Time every way in turn; a student's network is its teacher's, and costs as much a call.

    Raises:
        AssertionError: frames with and without the KV cache differ.
    """
    generator = torch.Generator().manual_seed(0)
    ours, batch = randomised(network(setting), generator), inputs(setting, generator, device)
    ours = ours.to(device).requires_grad_(False)
    ways = {name: partial(_draw, setting, batch, device, ours, *how) for name, how in WAYS.items()}
    outputs = {name: draw() for name, draw in ways.items()}  # and a warm-up
    difference = relative_error(outputs["student, 1 step"], outputs[WITHOUT])
    assert difference <= BOUNDS[setting.precision], f"frames differ by {difference:.1e}"
    timings, generated = interleaved(ways, setting.repeats, device), setting.batch * _new(setting)
    slow = timings[next(iter(ways))].cpu
    rows = {}
    for name, (steps, cached, _) in WAYS.items():
        cpu = TimeStats.of(timings[name].cpu)
        counts = forward_counts(replace(setting, steps=steps))
        _, passed = counts[CACHED if cached else BASELINE]
        rows[name] = Row(
            round(passed / _new(setting), 2),
            cpu,
            round(generated / cpu.median, 3),
            speedup(slow, timings[name].cpu),
        )
    return Results("few-step", setting, describe(device), difference, rows)


Way = tuple[int, bool, bool]
"""Steps, whether keys and values are kept, and whether each step noises anew."""
WITHOUT = "student, 1 step, no KV cache"
WAYS: dict[str, Way] = {
    f"teacher, {TEACHER} steps": (TEACHER, True, False),
    f"teacher, {FEW} steps": (FEW, True, False),
    f"student, {FEW} steps": (FEW, True, True),
    "student, 1 step": (1, True, True),
    WITHOUT: (1, False, True),
}


def _new(setting: Sampling) -> int:
    return setting.frames - setting.context


def _draw(
    setting: Sampling,
    batch: Inputs,
    device: torch.device,
    ours: NanoWM,
    steps: int,
    cached: bool,
    renoises: bool,
) -> Tensor:
    def renew(frame: int, step: int) -> Tensor:
        return batch.noise.roll(step, 0)[:, frame : frame + 1]

    few = replace(setting, steps=steps)
    return draw(few, batch, velocity(device), device, ours, cached, renew if renoises else None)
