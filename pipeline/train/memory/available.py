"""How much memory one process has to train in."""

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from pipeline.compute import device as devices

GROUPS, OWN_GROUP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
LIMITS = ("memory.max", "memory.limit_in_bytes")
"""Files of a control group that hold its limit: of cgroup v2, and of v1."""

HEAP = 1.35
"""Bytes that a process on a CPU holds for every byte of tensors, since glibc's heap keeps holes:
1.21, 1.26 and 1.30 were measured for S/2 in pieces of 2, 4 and 8 clips, 1.56 and 1.61 with
checkpointing in pieces of 2 and 4 (but 1.00 and 0.95 with MALLOC_MMAP_THRESHOLD_=131072)."""


@dataclass(frozen=True, slots=True)
class AvailableMemory:
    """What a device offers to each process that it trains.

    Attributes:
        memory: bytes of tensors that it can hold.
        gpu: whether it is one.
        bfloat16: whether it computes in bfloat16, rather than emulating it.
    """

    memory: int
    gpu: bool
    bfloat16: bool


def room(device: torch.device, processes: int) -> AvailableMemory:
    """What a device offers; all processes of a CPU share its memory, on GPUs each has its own."""
    native = devices.computes_bfloat16(device)
    if device.type == "cuda":
        return AvailableMemory(available(device), gpu=True, bfloat16=native)
    return AvailableMemory(int(available(device) / processes / HEAP), gpu=False, bfloat16=native)


def available(device: torch.device) -> int:
    """Bytes free on a GPU; all that the machine has, or allows us, for a CPU."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *limits(GROUPS, OWN_GROUP)])


def limits(groups: Path, own_group: Path) -> list[int]:
    """Limits of memory, in bytes, of the control group that we are in and of all above it.

    Args:
        groups: where the control groups are mounted.
        own_group: file that names ours, in lines such as `0::/user.slice/job`.
    """
    lines = own_group.read_text().splitlines() if own_group.is_file() else []
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "memory"):
            own = groups / controllers / path.lstrip("/")
            above = [folder for folder in own.parents if folder.is_relative_to(groups)]
            files = (folder / name for folder in (own, *above) for name in LIMITS)
            found += [file.read_text().strip() for file in files if file.is_file()]
    return [int(limit) for limit in found if limit != "max"]
