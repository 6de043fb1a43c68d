"""Results of a bench: a table for the terminal, and plain values for JSON."""

from collections.abc import Mapping
from dataclasses import dataclass

from rich.table import Table

from pipeline.compute.precision import Precision
from pipeline.tools.bench import Setting
from pipeline.tools.bench.timing import TimeStats, Timing, speedup
from pipeline.tools.machine import Machine

BASELINE = "baseline"
BOUNDS: dict[Precision, float] = {"float32": 1e-5, "bfloat16": 2e-2}
"""Largest relative difference between the outputs of two variants."""


@dataclass(frozen=True, slots=True)
class Row:
    """Results of one variant.

    Attributes:
        seconds: wall time of a run.
        cpu_seconds: CPU time of a run, summed over cores.
        speedup: over the baseline, by wall time; median over rounds.
        cpu_speedup: by CPU time, which other jobs disturb less.
        frames_per_second: generated or trained on.
        tokens_per_second: patches generated or trained on.
        gigaflops: counted FLOPs of a run, in 10^9.
        ceiling_share: FLOPs that our variant needs, a second, over the peak of the machine.
    """

    seconds: TimeStats
    cpu_seconds: TimeStats
    speedup: float
    cpu_speedup: float
    frames_per_second: float
    tokens_per_second: float
    gigaflops: float
    ceiling_share: float


@dataclass(frozen=True, slots=True)
class Results:
    """Results of a bench.

    Attributes:
        bench: its name.
        setting: of the bench.
        machine: that it ran on.
        ceiling: peak FLOP/s of the machine, measured by a matrix product in the same precision.
        baseline_gigaflops: counted FLOPs of a forward of the baseline on one window, in 10^9.
        difference: largest relative difference of the outputs from those of the baseline.
        variants: by name, the baseline first and ours last.
    """

    bench: str
    setting: Setting
    machine: Machine
    ceiling: float
    baseline_gigaflops: float
    difference: float
    variants: dict[str, Row]


def rows(
    timings: Mapping[str, Timing],
    work: Mapping[str, int],
    frames: int,
    patches: int,
    ceiling: float,
) -> dict[str, Row]:
    """Results of every variant.

    Args:
        timings: by variant, the baseline first and ours last.
        work: FLOPs of a run, by variant.
        frames: of a run, over the whole batch.
        patches: of a frame.
        ceiling: peak FLOP/s of the machine.
    """
    useful = work[list(timings)[-1]]
    slow, figures = next(iter(timings.values())), {}
    for name, timing in timings.items():
        seconds = TimeStats.of(timing.wall)
        figures[name] = Row(
            seconds,
            TimeStats.of(timing.cpu),
            speedup(slow.wall, timing.wall),
            speedup(slow.cpu, timing.cpu),
            round(frames / seconds.median, 3),
            round(frames * patches / seconds.median, 1),
            round(work[name] / 1e9, 2),
            round(useful / seconds.median / ceiling, 4),
        )
    return figures


def table(results: Results) -> Table:
    """One row a variant."""
    columns = ["seconds (min - max)", "faster", "CPU-s", "faster", "frames/s", "tokens/s", "GFLOP"]
    rendered = Table("variant", *columns, "of peak")
    for column in rendered.columns[1:]:
        column.justify = "right"
    for name, row in results.variants.items():
        wall = row.seconds
        rendered.add_row(
            name,
            f"{wall.median:.3f} ({wall.min:.3f} - {wall.max:.3f})",
            f"{row.speedup:.2f} x",
            f"{row.cpu_seconds.median:.2f}",
            f"{row.cpu_speedup:.2f} x",
            f"{row.frames_per_second:,.2f}",
            f"{row.tokens_per_second:,.0f}",
            f"{row.gigaflops:,.1f}",
            f"{row.ceiling_share:.1%}",
        )
    return rendered
