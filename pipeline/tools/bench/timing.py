"""Time variants of the same work in turn, so that other jobs disturb all of them equally."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import torch


@dataclass(frozen=True, slots=True)
class TimeStats:
    """Median, minimum and maximum of durations in seconds."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "TimeStats":
        """Statistics of `values`, rounded to microseconds."""
        return cls(*(round(figure(values), 6) for figure in (median, min, max)))


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of every round: wall time, and CPU time of the process summed over cores."""

    wall: list[float]
    cpu: list[float]


def interleaved(
    variants: Mapping[str, Callable[[], object]], repeats: int, device: torch.device
) -> dict[str, Timing]:
    """Time variants in rounds, one run of each a round, without a warm-up."""
    timings = {name: Timing([], []) for name in variants}
    for _ in range(repeats):
        for name, run in variants.items():
            _synchronize(device)
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            _synchronize(device)
            timings[name].wall.append(time.perf_counter() - wall)
            timings[name].cpu.append(time.process_time() - cpu)
    return timings


def speedup(slow: Sequence[float], fast: Sequence[float]) -> float:
    """Median over rounds of slow / fast."""
    ratios = [one / other for one, other in zip(slow, fast, strict=True)]
    return round(median(ratios), 3)


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
