"""The machine that something was timed on."""

import platform
from dataclasses import dataclass
from pathlib import Path

import torch

CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Machine:
    """What a measured time depends on.

    Attributes:
        processor: model name of the CPU.
        instructions: widest instruction set that torch uses on it, such as AVX512.
        threads: number of torch's intra-op threads.
        torch: version of torch.
        device: model name of the GPU, or cpu.
    """

    processor: str
    instructions: str
    threads: int
    torch: str
    device: str

    def __str__(self) -> str:
        """One line for the terminal."""
        cores = f"{self.processor} ({self.instructions}), {self.threads} threads"
        return f"{cores}, torch {self.torch}, {self.device}"


def describe(device: torch.device) -> Machine:
    """The machine that this process runs on, and the GPU `device` if it is one."""
    on_gpu = device.type == "cuda"
    return Machine(
        processor=_processor(),
        instructions=torch.backends.cpu.get_cpu_capability(),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        device=torch.cuda.get_device_name(device) if on_gpu else "cpu",
    )


def _processor() -> str:
    lines = CPUINFO.read_text().splitlines() if CPUINFO.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
