"""Timing variants of the same work by turns, so that a noisy neighbour disturbs all alike."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import torch


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, smallest and largest of some seconds."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """To the microsecond."""
        return cls(*(round(figure(values), 6) for figure in (median, min, max)))


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of every round: by the clock on the wall, and of the process on all its cores."""

    wall: list[float]
    cpu: list[float]


def interleaved(
    variants: Mapping[str, Callable[[], object]], repeats: int, device: torch.device
) -> dict[str, Timing]:
    """Time variants in rounds, one run of each a round; nothing is warmed up here."""
    timings = {name: Timing([], []) for name in variants}
    for _ in range(repeats):
        for name, run in variants.items():
            _settle(device)
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            _settle(device)
            timings[name].wall.append(time.perf_counter() - wall)
            timings[name].cpu.append(time.process_time() - cpu)
    return timings


def speedup(slow: Sequence[float], fast: Sequence[float]) -> float:
    """Median over rounds of slow seconds per fast second."""
    ratios = [one / other for one, other in zip(slow, fast, strict=True)]
    return round(median(ratios), 3)


def _settle(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
