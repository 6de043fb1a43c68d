"""Throughput of each variant of a bench, relative to the first."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.table import Table

from pipeline import stage
from pipeline.tools.bench.timing import TimeStats, Timing, speedup
from pipeline.tools.machine import Machine
from pipeline.tools.tables import show


@dataclass(frozen=True, slots=True)
class Rate:
    """Throughput of one variant.

    Attributes:
        count: frames or clips a run.
        seconds: wall time of a run.
        per_second: throughput of the median run, by wall time.
        per_cpu_second: throughput by CPU time, summed over cores.
        speedup: over the first variant, by wall time; median over rounds.
        cpu_speedup: by CPU time, which other jobs disturb less.
    """

    count: int
    seconds: TimeStats
    per_second: float
    per_cpu_second: float
    speedup: float
    cpu_speedup: float


@dataclass(frozen=True, slots=True)
class Rates:
    """Everything that such a bench results.

    Attributes:
        bench: its name.
        unit: of `count`.
        setting: what was timed.
        machine: where.
        difference: largest scaled one of each variant's answers from another's that should agree.
        variants: by name, what the others are measured against first.
    """

    bench: str
    unit: str
    setting: object
    machine: Machine
    difference: dict[str, float]
    variants: dict[str, Rate]


def rates(timings: Mapping[str, Timing], counts: Mapping[str, int]) -> dict[str, Rate]:
    """Throughput of every variant; `counts` are frames or clips a run."""
    each = {
        name: Timing([s / counts[name] for s in t.wall], [s / counts[name] for s in t.cpu])
        for name, t in timings.items()
    }
    slow = next(iter(each.values()))
    return {
        name: Rate(
            counts[name],
            TimeStats.of(timings[name].wall),
            round(1 / median(timing.wall), 2),
            round(1 / median(timing.cpu), 2),
            speedup(slow.wall, timing.wall),
            speedup(slow.cpu, timing.cpu),
        )
        for name, timing in each.items()
    }


def table(results: Rates) -> Table:
    """One row a variant."""
    unit = results.unit
    rendered = Table("variant", f"{unit}/s", "faster", f"{unit}/CPU-s", "faster")
    for column in rendered.columns[1:]:
        column.justify = "right"
    for name, rate in results.variants.items():
        rendered.add_row(
            name,
            f"{rate.per_second:,.2f}",
            f"{rate.speedup:,.2f} x",
            f"{rate.per_cpu_second:,.2f}",
            f"{rate.cpu_speedup:,.2f} x",
        )
    return rendered


def report(results: Rates, out: Path | None) -> None:
    """Print the results, and write them to `out` as JSON."""
    show(table(results))
    print(f"{results.machine}; outputs differ by {max(results.difference.values()):.1e}")
    if out is not None:
        stage.write_json(out, asdict(results))
