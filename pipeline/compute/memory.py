"""Memory of the machine, and what this process has taken of it."""

import os
import sys
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

import torch

GROUPS, OWN_GROUP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
LIMITS = ("memory.max", "memory.limit_in_bytes")
"""Files with the memory limit of a control group: of cgroup v2, and of v1."""


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


def peak_memory() -> int:
    """Most bytes of the machine's memory that this process has held so far."""
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2) counts bytes there, else KiB
    return getrusage(RUSAGE_SELF).ru_maxrss * unit
