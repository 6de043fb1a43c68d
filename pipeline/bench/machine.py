"""The machine that a bench ran on, and how fast it can possibly be."""

import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from pipeline import device as devices
from pipeline.ceiling import product_rate

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
        dtype: of the matrix products.
        ceiling: measured bfloat16 matrix product on the GPU, in FLOP/s; None on a CPU.
    """

    processor: str
    instructions: str
    threads: int
    torch: str
    device: str
    dtype: str
    ceiling: float | None

    def __str__(self) -> str:
        """On a line, for a person."""
        cores = f"{self.processor} ({self.instructions}), {self.threads} threads"
        return f"{cores}, torch {self.torch}, {self.device}"


def describe(device: torch.device) -> Machine:
    """The machine, its ceiling measured."""
    on_gpu = device.type == "cuda"
    return Machine(
        processor=_processor(),
        instructions=torch.backends.cpu.get_cpu_capability(),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        device=torch.cuda.get_device_name(device) if on_gpu else "cpu",
        dtype="bfloat16" if on_gpu else "float32",
        ceiling=product_rate(device, torch.bfloat16) if on_gpu else None,
    )


def precision(device: torch.device) -> AbstractContextManager[None]:
    """Autocast to bfloat16 on a GPU; float32 elsewhere."""
    return devices.products(device.type, "bfloat16" if device.type == "cuda" else "float32")


def tolerance(device: torch.device) -> float:
    """Largest scaled difference between two variants' answers."""
    return 2e-2 if device.type == "cuda" else 1e-5


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
