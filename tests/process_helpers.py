"""Processes of this machine, as Linux shows them."""

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path


def children(pid: int) -> list[int]:
    """Processes that one has started itself."""
    shown = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in shown.stdout.split()]


def descendants(pid: int) -> list[int]:
    """Its children, theirs, and so on."""
    return [one for child in children(pid) for one in (child, *descendants(child))]


def alive(pid: int) -> bool:
    """Whether it is there, and more than a name that its parent has not asked about."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def ended(pids: Sequence[int], seconds: float = 30) -> bool:
    """Whether all of them end within a time."""
    limit = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < limit:
        time.sleep(0.05)
    return not any(map(alive, pids))
