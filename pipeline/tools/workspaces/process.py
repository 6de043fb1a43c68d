"""A command as a child process with one thread, which ends with the process that started it."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pipeline

HOME = Path(pipeline.__file__).parent.parent
"""The folder that contains the package, for PYTHONPATH."""
UNDER_PARENT = """\
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG, which exec keeps
if os.getppid() != int(sys.argv[1]):
    sys.exit("the process that started this is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Becomes a command that is sent SIGTERM when its parent dies, however that comes."""


def run(
    command: Sequence[str], folder: Path, log: Path, variables: Mapping[str, str]
) -> tuple[int, float, float]:
    """Run a command in `folder`, whose output goes to `log`, with further environment variables.

    Returns:
        Its exit status, the seconds it took, and the CPU-seconds of it and its children.
    """
    path = f"{HOME}{os.pathsep}{os.environ.get('PYTHONPATH', HOME)}"
    start = time.perf_counter()
    with log.open("wb") as file:
        child = subprocess.Popen(
            [sys.executable, "-c", UNDER_PARENT, str(os.getpid()), *command],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **variables},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        _, status, usage = os.wait4(child.pid, 0)
    except BaseException:  # Ctrl-C: a stage can resume
        child.terminate()
        child.wait()
        raise
    child.returncode = os.waitstatus_to_exitcode(status)
    cpu = usage.ru_utime + usage.ru_stime
    return child.returncode, time.perf_counter() - start, cpu
