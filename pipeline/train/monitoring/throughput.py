"""How fast a run goes: clips and tokens a second, waits for data, share of the peak, memory."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from resource import RUSAGE_SELF, getrusage

import torch

from pipeline.compute.peak_flops import matmul_flops


@dataclass(frozen=True, slots=True)
class Work:
    """What one clip asks for.

    Attributes:
        tokens: patches x frames.
        flops: floating-point operations of its part of an optimiser step.
    """

    tokens: int
    flops: float


@dataclass(slots=True)
class _Lap:
    """What was counted since `begin`, in seconds of the clock."""

    begin: float
    clips: int = 0
    waited: float = 0.0
    paused: float = 0.0


class Meter:
    """Counts the clips of a run on one device, and times them."""

    def __init__(self, work: Work, device: torch.device, peak: float | None) -> None:
        """Start the clock.

        Args:
            work: what one clip asks for.
            device: whose memory is watched, and which is waited for before the clock is read.
            peak: FLOP/s that all devices of the run can do at most; see `peak_of`.
        """
        self.work, self.device, self.peak = work, device, peak
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        self.whole, self.lap = (_Lap(time.perf_counter()) for _ in range(2))

    def count(self, clips: int) -> None:
        """So many clips are trained on, those of all processes."""
        for lap in (self.whole, self.lap):
            lap.clips += clips

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around what fetches data: the time that the device cannot be fed."""
        begin = time.perf_counter()
        yield
        for lap in (self.whole, self.lap):
            lap.waited += time.perf_counter() - begin

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Around what is no training, such as validation: none of it counts."""
        begin = self._now()
        yield
        spent = self._now() - begin
        for lap in (self.whole, self.lap):
            lap.paused += spent

    def read(self) -> dict[str, float]:
        """What trackers show of the time since the last reading."""
        now, lap = self._now(), self.lap
        self.lap = _Lap(now)
        return self._speed(lap, now) | {"memory/peak_gb": self.peak_gb()}

    def total(self) -> dict[str, float]:
        """The whole run for the stage's record of times, the names without what trackers group."""
        shown = self._speed(self.whole, self._now()) | {"memory/peak_memory_gb": self.peak_gb()}
        return {name.partition("/")[2]: float(f"{value:.4g}") for name, value in shown.items()}

    def said(self) -> str:
        """The same for a person."""
        found = self.total()
        share = found.get("share_of_peak")
        peak = "" if share is None else f", {share:.0%} of the peak"
        return (
            f"{found['tokens_per_second']:,.0f} tokens/s{peak}, {found['data_wait']:.1%} waiting "
            f"for data, {found['peak_memory_gb']:.1f} GB"
        )

    def peak_gb(self) -> float:
        """Most memory held so far, in 10^9 bytes: of the GPU, or of this process on a CPU."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device) / 1e9
        unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2) counts bytes there, else KiB
        return getrusage(RUSAGE_SELF).ru_maxrss * unit / 1e9

    def _speed(self, lap: _Lap, now: float) -> dict[str, float]:
        spent = now - lap.begin - lap.paused
        rate = lap.clips / spent
        shown = {
            "throughput/clips_per_second": rate,
            "throughput/tokens_per_second": rate * self.work.tokens,
            "throughput/data_wait": lap.waited / spent,
        }
        if self.peak is not None:
            shown["throughput/share_of_peak"] = rate * self.work.flops / self.peak
        return shown

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


def peak_of(device: torch.device, dtype: torch.dtype, processes: int) -> float | None:
    """FLOP/s of all processes' devices, by a measured product; None on a CPU, for its time."""
    return matmul_flops(device, dtype) * processes if device.type == "cuda" else None
