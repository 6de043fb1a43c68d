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

RAW, ROOT, SHARDS = "data/wall/raw", "data/wall/root", "data/wall/shards"
LATENTS, CODEC, MODEL, PROBE = "data/wall/latents.zarr", "codec", "world_model", "probe"
ARGUMENTS = {
    "collect": (RAW,),
    "ingest": (RAW, SHARDS),
    "fit": (SHARDS, CODEC, "fit.json"),
    "encode": (SHARDS, CODEC, LATENTS, "encode.json"),
    "probe": (LATENTS, PROBE, "probe.json"),
    "train": (LATENTS, CODEC, MODEL, "t.json", "curve.csv", "levels.csv", "val.csv", "samples.png"),
    "evaluate": (
        *(LATENTS, SHARDS, CODEC, MODEL),
        *("e.json", "mean.json", "a.json", "h.csv", "dreams.npz"),
    ),
    "plan": (LATENTS, CODEC, MODEL, PROBE, "plan.json", "goals.csv", "films.npz"),
}
"""Of the commands of the stages, on Wall."""
WAIT = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=sys.stderr)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Runs a command from a small process: a peak is never below what its parent has in memory."""
UNTIL_FIRST_FORWARD = """
import os, runpy, sys
from torch.nn.modules.module import register_module_forward_pre_hook
register_module_forward_pre_hook(lambda *_: os._exit(0))
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
"""Runs a module until a network is about to compute for the first time."""


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


def usage_of(words: Sequence[str], build: Path, folder: Path, *, starts: bool = False) -> Usage:
    """Run `python -m WORDS` of the build at a path, in a folder; only its start if `starts`.

    Raises:
        DataError: it failed.
    """
    log, run = folder / "log.txt", ["-c", UNTIL_FIRST_FORWARD] if starts else ["-m"]
    with log.open("w") as output:
        process = subprocess.run(
            [sys.executable, "-S", "-c", WAIT, sys.executable, *run, *words],
            cwd=folder,
            # Where Python may not keep what it compiles, every start compiles a build anew, as it
            # does once alone for its users; empty is as unset.
            env={**os.environ, "PYTHONPATH": str(build), "PYTHONDONTWRITEBYTECODE": ""},
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        )
    if process.returncode:
        last = (log.read_text().strip().splitlines() or ["no output"])[-1]
        raise DataError(f"{' '.join(words)} of {build} failed: {last}; mend it there")
    cpu, peak = process.stdout.split()
    return Usage(float(cpu), int(peak) * 1024)
