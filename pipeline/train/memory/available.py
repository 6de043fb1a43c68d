"""Memory available to a training process."""

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from pipeline.compute import device as devices

GROUPS, OWN_GROUP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
LIMITS = ("memory.max", "memory.limit_in_bytes")
"""Files with the memory limit of a control group: of cgroup v2, and of v1."""

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


def device_memory(device: torch.device) -> int:
    """Bytes free on a GPU; for a CPU those of the machine, or of our control group."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *cgroup_limits(GROUPS, OWN_GROUP)])


def cgroup_limits(groups: Path, own_group: Path) -> list[int]:
    """Memory limits in bytes of the control group of this process and of all above it.

    Args:
        groups: mount point of the control groups.
        own_group: file that names ours, in lines such as `0::/user.slice/job`.
    """
    lines = own_group.read_text().splitlines() if own_group.is_file() else []
    limits = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "memory"):
            own = groups / controllers / path.lstrip("/")
            above = [folder for folder in own.parents if folder.is_relative_to(groups)]
            files = (folder / name for folder in (own, *above) for name in LIMITS)
            limits += [file.read_text().strip() for file in files if file.is_file()]
    return [int(limit) for limit in limits if limit != "max"]
