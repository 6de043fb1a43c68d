"""How many things a second each variant of a bench gets through, over the first of them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.table import Table

from pipeline import stage
from pipeline.tools.bench.timing import Spread, Timing, speedup
from pipeline.tools.machine import Machine
from pipeline.tools.tables import show


@dataclass(frozen=True, slots=True)
class Rate:
    """Figures of one variant.

    Attributes:
        count: things that a run gets through.
        seconds: of a run.
        per_second: by the clock, of the median run.
        per_cpu_second: likewise by the CPU-seconds of all cores together.
        speedup: over the first variant, by the clock; median over rounds.
        cpu_speedup: the same by CPU-seconds, which other jobs disturb less.
    """

    count: int
    seconds: Spread
    per_second: float
    per_cpu_second: float
    speedup: float
    cpu_speedup: float


@dataclass(frozen=True, slots=True)
class Rates:
    """Everything that such a bench found.

    Attributes:
        bench: its name.
        unit: what is counted.
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
    """Figures of every variant, each run of which gets through so many."""
    each = {
        name: Timing([s / counts[name] for s in t.wall], [s / counts[name] for s in t.cpu])
        for name, t in timings.items()
    }
    slow = next(iter(each.values()))
    return {
        name: Rate(
            counts[name],
            Spread.of(timings[name].wall),
            round(1 / median(timing.wall), 2),
            round(1 / median(timing.cpu), 2),
            speedup(slow.wall, timing.wall),
            speedup(slow.cpu, timing.cpu),
        )
        for name, timing in each.items()
    }


def table(found: Rates) -> Table:
    """One line a variant."""
    unit = found.unit
    shown = Table("variant", f"{unit}/s", "faster", f"{unit}/CPU-s", "faster")
    for column in shown.columns[1:]:
        column.justify = "right"
    for name, rate in found.variants.items():
        shown.add_row(
            name,
            f"{rate.per_second:,.2f}",
            f"{rate.speedup:,.2f} x",
            f"{rate.per_cpu_second:,.2f}",
            f"{rate.cpu_speedup:,.2f} x",
        )
    return shown


def tell(found: Rates, out: Path | None) -> None:
    """Print a table, and write the JSON if asked to."""
    show(table(found))
    print(f"{found.machine}; answers differ by {max(found.difference.values()):.1e}")
    if out is not None:
        stage.write_json(out, asdict(found))
