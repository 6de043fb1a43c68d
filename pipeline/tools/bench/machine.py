"""The machine that a bench ran on, and how fast it can possibly be."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from pipeline.compute.peak_flops import matmul_flops
from pipeline.compute.precision import Precision

CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Machine:
    """What a measured time depends on.

    Attributes:
        processor: its model.
        instructions: the widest that torch uses on it.
        threads: that torch uses.
        torch: its version.
        device: the GPU's model, or cpu.
    """

    processor: str
    instructions: str
    threads: int
    torch: str
    device: str

    def __str__(self) -> str:
        """On a line, for a person."""
        cores = f"{self.processor} ({self.instructions}), {self.threads} threads"
        return f"{cores}, torch {self.torch}, {self.device}"


def describe(device: torch.device) -> Machine:
    """The machine."""
    on_gpu = device.type == "cuda"
    return Machine(
        processor=_processor(),
        instructions=torch.backends.cpu.get_cpu_capability(),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        device=torch.cuda.get_device_name(device) if on_gpu else "cpu",
    )


def ceiling(device: torch.device, precision: Precision) -> float:
    """FLOP/s of a measured matrix product in a precision: none of the work goes faster."""
    return matmul_flops(device, getattr(torch, precision))


@contextmanager
def products(*, onednn: bool) -> Iterator[None]:
    """Let oneDNN make the products of float32 rather than MKL, which spares AMD its AVX-512.

    torch then allows bfloat16 inside of them, which oneDNN takes on a processor with AMX alone.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium" if onednn else before)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _processor() -> str:
    lines = CPUINFO.read_text().splitlines() if CPUINFO.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
