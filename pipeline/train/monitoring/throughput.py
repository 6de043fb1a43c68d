"""Throughput of a run: clips and tokens a second, data wait, share of peak FLOP/s, memory."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from pipeline.compute.memory import peak_memory
from pipeline.compute.peak_flops import matmul_flops


@dataclass(frozen=True, slots=True)
class ClipCost:
    """What training on one clip costs.

    Attributes:
        tokens: patches x frames.
        flops: floating-point operations of its forward and backward pass.
    """

    tokens: int
    flops: float


@dataclass(slots=True)
class _Lap:
    """Counts since the clock showed `begin`, in seconds."""

    begin: float
    clips: int = 0
    waited: float = 0.0
    paused: float = 0.0


class ThroughputMeter:
    """Counts and times the clips of a run on one device."""

    def __init__(self, clip: ClipCost, device: torch.device, peak: float | None) -> None:
        """Start the clock.

        Args:
            clip: cost of one clip.
            device: whose peak memory is measured, and synchronised before the clock is read.
            peak: FLOP/s of all devices of the run, see `peak_flops`; None: unknown.
        """
        self.clip, self.device, self.peak = clip, device, peak
        self.reset()

    def reset(self) -> None:
        """Start over."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        self.whole, self.lap, self.line = (_Lap(time.perf_counter()) for _ in range(3))

    def count(self, clips: int) -> None:
        """Count clips that were trained on, over all processes."""
        for lap in (self.whole, self.lap, self.line):
            lap.clips += clips

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Times the wait for a batch, in which the device gets no work."""
        begin = time.perf_counter()
        yield
        for lap in (self.whole, self.lap, self.line):
            lap.waited += time.perf_counter() - begin

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leaves out what is no training, such as validation."""
        begin = self._now()
        yield
        spent = self._now() - begin
        for lap in (self.whole, self.lap, self.line):
            lap.paused += spent

    def read(self) -> dict[str, float]:
        """Throughput since the last reading, by the names that trackers show."""
        now, lap = self._now(), self.lap
        self.lap = _Lap(now)
        return self._speed(lap, now) | {"memory/peak_gb": self.peak_gb()}

    def clips_per_second(self) -> float:
        """Clips a second since this was last asked for, however often `read` is."""
        now, lap = self._now(), self.line
        self.line = _Lap(now)
        return self._speed(lap, now)["throughput/clips_per_second"]

    def total(self) -> dict[str, float]:
        """Throughput of the whole run, by the names in metrics/seconds/train.json."""
        values = self._speed(self.whole, self._now()) | {"memory/peak_memory_gb": self.peak_gb()}
        return {name.partition("/")[2]: float(f"{value:.4g}") for name, value in values.items()}

    def summary(self) -> str:
        """Throughput of the whole run as a phrase."""
        total = self.total()
        share = total.get("share_of_peak")
        peak = "" if share is None else f", {share:.0%} of the peak"
        return (
            f"{total['tokens_per_second']:,.0f} tokens/s{peak}, {total['data_wait']:.1%} waiting "
            f"for data, {total['peak_memory_gb']:.1f} GB"
        )

    def peak_gb(self) -> float:
        """Peak memory in 10^9 bytes: allocated on the GPU, or resident of this process on a CPU."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device) / 1e9
        return peak_memory() / 1e9

    def _speed(self, lap: _Lap, now: float) -> dict[str, float]:
        spent = now - lap.begin - lap.paused
        rate = lap.clips / spent
        values = {
            "throughput/clips_per_second": rate,
            "throughput/tokens_per_second": rate * self.clip.tokens,
            "throughput/data_wait": lap.waited / spent,
        }
        if self.peak is not None:
            values["throughput/share_of_peak"] = rate * self.clip.flops / self.peak
        return values

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


def peak_flops(device: torch.device, dtype: torch.dtype, processes: int) -> float | None:
    """FLOP/s of all processes' GPUs, by a measured matrix product; None on a CPU, to save time."""
    return matmul_flops(device, dtype) * processes if device.type == "cuda" else None
