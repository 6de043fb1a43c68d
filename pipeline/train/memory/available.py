"""Memory available to a training process."""

from dataclasses import dataclass

import torch

from pipeline.compute import device as devices
from pipeline.compute.memory import device_memory

HEAP_OVERHEAD = 1.35
"""Resident bytes of a process on a CPU for every byte of tensors, since glibc's heap fragments:
1.21, 1.26 and 1.30 were measured for S/2 with micro-batches of 2, 4 and 8 clips, 1.56 and 1.61 with
activation checkpointing and 2 and 4 clips (1.00 and 0.95 with MALLOC_MMAP_THRESHOLD_=131072)."""


@dataclass(frozen=True, slots=True)
class AvailableMemory:
    """Memory of a device for each process that trains on it.

    Attributes:
        memory: bytes of tensors that fit.
        gpu: whether the device is a GPU.
        bfloat16: whether it computes in bfloat16 rather than emulating it.
    """

    memory: int
    gpu: bool
    bfloat16: bool


def available_memory(device: torch.device, processes: int) -> AvailableMemory:
    """Memory for each process: those on a CPU share it, those on GPUs have one each."""
    native = devices.computes_bfloat16(device)
    if device.type == "cuda":
        return AvailableMemory(device_memory(device), gpu=True, bfloat16=native)
    memory = int(device_memory(device) / processes / HEAP_OVERHEAD)
    return AvailableMemory(memory, gpu=False, bfloat16=native)
