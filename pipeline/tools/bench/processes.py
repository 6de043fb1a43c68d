"""Stages as processes of their own, and what they take."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import DataError

WAIT = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=sys.stderr)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Runs a command from a small process: a peak is never below what its parent has in memory."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process took: CPU-seconds of it and its children, and bytes at its peak."""

    cpu: float
    peak: int


def read_params(folder: Path) -> dict[str, Any]:
    """The values of params.yaml of a folder."""
    values: dict[str, Any] = yaml.safe_load((folder / "params.yaml").read_text())
    return values


def write_params(folder: Path, values: dict[str, Any]) -> None:
    """Write params.yaml of a folder."""
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))


def set_param(values: dict[str, Any], key: str, value: object) -> None:
    """Set the value of a dotted key."""
    *blocks, last = key.split(".")
    for name in blocks:
        values = values[name]
    values[last] = value


def usage_of(words: Sequence[str], build: Path, folder: Path) -> Usage:
    """Run `python -m WORDS` of the build at a path, in a folder.

    Raises:
        DataError: it failed.
    """
    log = folder / "log.txt"
    with log.open("w") as output:
        process = subprocess.run(
            [sys.executable, "-S", "-c", WAIT, sys.executable, "-m", *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(build)},
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        )
    if process.returncode:
        last = (log.read_text().strip().splitlines() or ["no output"])[-1]
        raise DataError(f"{' '.join(words)} of {build} failed: {last}; mend it there")
    cpu, peak = process.stdout.split()
    return Usage(float(cpu), int(peak) * 1024)
