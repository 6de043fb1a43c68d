"""What a bench found: as a table for the terminal, as plain values for JSON."""

from collections.abc import Mapping
from dataclasses import dataclass

from rich.table import Table

from pipeline.compute.precision import Precision
from pipeline.tools.bench import Setting
from pipeline.tools.bench.timing import Spread, Timing, speedup
from pipeline.tools.machine import Machine

BASELINE = "baseline"
BOUNDS: dict[Precision, float] = {"float32": 1e-5, "bfloat16": 2e-2}
"""Largest scaled difference between the answers of two variants."""


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of one variant.

    Attributes:
        seconds: of a run.
        cpu_seconds: of a run, on all cores together.
        speedup: over the baseline, by the clock; median over rounds.
        cpu_speedup: the same by CPU-seconds, which other jobs disturb less.
        frames_per_second: generated or trained on.
        tokens_per_second: the same in patches.
        gigaflops: counted work of a run.
        ceiling_share: useful FLOP/s, those of our own path, over the machine's ceiling.
    """

    seconds: Spread
    cpu_seconds: Spread
    speedup: float
    cpu_speedup: float
    frames_per_second: float
    tokens_per_second: float
    gigaflops: float
    ceiling_share: float


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that a bench found.

    Attributes:
        bench: its name.
        setting: what was timed.
        machine: where.
        ceiling: its FLOP/s in a measured matrix product of the setting's precision.
        baseline_gigaflops: counted work of one forward of the baseline, for one window.
        difference: the largest scaled one between the answers of the baseline and of the others.
        variants: by name, the baseline first and our own path last.
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
    """Figures of every variant, each run of which makes `frames` frames of `patches` patches.

    Args:
        timings: by variant, the baseline first and our own path last.
        work: by variant, floating-point operations of a run.
        frames: per run, the whole batch together.
        patches: per frame.
        ceiling: FLOP/s that the machine can possibly do.
    """
    useful = work[list(timings)[-1]]
    slow, found = next(iter(timings.values())), {}
    for name, timing in timings.items():
        seconds = Spread.of(timing.wall)
        found[name] = Row(
            seconds,
            Spread.of(timing.cpu),
            speedup(slow.wall, timing.wall),
            speedup(slow.cpu, timing.cpu),
            round(frames / seconds.median, 3),
            round(frames * patches / seconds.median, 1),
            round(work[name] / 1e9, 2),
            round(useful / seconds.median / ceiling, 4),
        )
    return found


def table(results: Results) -> Table:
    """One line a variant."""
    columns = ["seconds (min - max)", "faster", "CPU-s", "faster", "frames/s", "tokens/s", "GFLOP"]
    shown = Table("variant", *columns, "of ceiling")
    for column in shown.columns[1:]:
        column.justify = "right"
    for name, row in results.variants.items():
        wall = row.seconds
        shown.add_row(
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
    return shown
