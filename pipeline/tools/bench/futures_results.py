"""Results of `wm bench futures`: what a round costs, from what its timed candidates took."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.table import Table
from torch import Tensor

from pipeline import stage
from pipeline.compute.precision import Precision
from pipeline.tools.bench import Searching
from pipeline.tools.bench.sampler import relative_error
from pipeline.tools.bench.timing import TimeStats, Timing, speedup
from pipeline.tools.machine import Machine
from pipeline.tools.tables import show

BOUNDS: dict[Precision, float] = {"float32": 1e-5, "bfloat16": 5e-2}
"""Largest relative difference between frames that should be the same."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of rolling out the candidates.

    Attributes:
        name: its name.
        roll_out: the frames of the timed candidates, [N, H, C, h, w].
        encode: name of the timing of its encoding.
        same_as: the variant that has the same frames up to rounding; None for itself.
        precision: of its network.
    """

    name: str
    roll_out: Callable[[], Tensor]
    encode: str
    same_as: str | None
    precision: Precision


@dataclass(frozen=True, slots=True)
class Row:
    """A round of one variant.

    Attributes:
        seconds: wall time, multiplied up to all candidates.
        cpu_seconds: CPU time, summed over cores, likewise.
        speedup: over the reference, by wall time; median over rounds.
        cpu_speedup: by CPU time, which other jobs disturb less.
        encode_cpu_seconds: median CPU time of encoding alone, of all that a round encodes.
        same_as: the variant that has the same frames up to rounding; None for itself.
        difference: largest of its frames from those, relative to the largest value.
    """

    seconds: TimeStats
    cpu_seconds: TimeStats
    speedup: float
    cpu_speedup: float
    encode_cpu_seconds: float
    same_as: str | None
    difference: float


@dataclass(frozen=True, slots=True)
class Results:
    """Results of the bench.

    Attributes:
        bench: its name.
        setting: of the bench.
        machine: that it ran on.
        variants: by name, the reference first.
    """

    bench: str
    setting: Searching
    machine: Machine
    variants: dict[str, Row]


def assert_same(variants: Mapping[str, Variant]) -> dict[str, float]:
    """Run every variant once; the difference of each from the variant whose frames it has.

    Raises:
        AssertionError: they are not the same.
    """
    frames = {name: variant.roll_out().float() for name, variant in variants.items()}
    differences = {}
    for name, variant in variants.items():
        other = frames[variant.same_as or name]
        differences[name] = relative_error(frames[name], other)
        # The negation catches NaN.
        assert not differences[name] > BOUNDS[variant.precision], (
            f"{name}: frames differ from {variant.same_as} by {differences[name]:.1e}"
        )
        assert torch.isfinite(frames[name]).all(), f"{name}: frames are not finite"
    return differences


def rows(
    setting: Searching,
    variants: Mapping[str, Variant],
    timings: Mapping[str, Timing],
    differences: Mapping[str, float],
) -> dict[str, Row]:
    """Costs of a round of each variant, the reference first."""
    scale = setting.candidates / setting.batch
    reference = next(iter(variants))
    none = Timing([0.0] * setting.repeats, [0.0] * setting.repeats)
    rounds, encoded = {}, {}
    for name, variant in variants.items():
        encode, rolled = timings.get(variant.encode, none), timings[name]
        # The reference encodes a frame for each candidate, ours one for all.
        times = scale if name == reference else 1.0
        encoded[name] = Timing(*([times * s for s in each] for each in (encode.wall, encode.cpu)))
        rounds[name] = Timing(
            *(
                [once + scale * s for once, s in zip(first, each, strict=True)]
                for first, each in (
                    (encoded[name].wall, rolled.wall),
                    (encoded[name].cpu, rolled.cpu),
                )
            )
        )
    slow = rounds[reference]
    return {
        name: Row(
            seconds=TimeStats.of(each.wall),
            cpu_seconds=TimeStats.of(each.cpu),
            speedup=speedup(slow.wall, each.wall),
            cpu_speedup=speedup(slow.cpu, each.cpu),
            encode_cpu_seconds=TimeStats.of(encoded[name].cpu).median,
            same_as=variants[name].same_as,
            difference=differences[name],
        )
        for name, each in rounds.items()
    }


def table(results: Results) -> Table:
    """One row a variant."""
    columns = ["CPU-s a round (min - max)", "of it encoding", "faster", "by the clock", "same as"]
    rendered = Table("variant", *columns, "within")
    for column in rendered.columns[1:5]:
        column.justify = "right"
    for name, row in results.variants.items():
        cpu = row.cpu_seconds
        rendered.add_row(
            name,
            f"{cpu.median:,.2f} ({cpu.min:,.2f} - {cpu.max:,.2f})",
            f"{row.encode_cpu_seconds:,.2f}",
            f"{row.cpu_speedup:,.2f} x",
            f"{row.speedup:,.2f} x",
            row.same_as or "",
            f"{row.difference:.0e}" if row.same_as else "",
        )
    return rendered


def report(results: Results, out: Path | None) -> None:
    """Print the results, and write them to `out` as JSON."""
    timed, candidates = results.setting.batch, results.setting.candidates
    show(table(results))
    print(results.machine)
    print(
        f"a round has {candidates} candidates; {timed} were timed in one batch, and multiplied by "
        f"{candidates / timed:g} for every variant alike"
    )
    if out is not None:
        stage.write_json(out, asdict(results))
