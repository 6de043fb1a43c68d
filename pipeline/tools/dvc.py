"""DVC as a process of its own, which is given the time to end well when it is interrupted."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import DataError

BIN = Path(sys.executable).parent
RWLOCK = Path(".dvc/tmp/rwlock")
RESTORE = "`git restore . && dvc checkout` restores the committed state"


def run(*words: str) -> int:
    """Run DVC with its output on ours; its exit status.

    Ctrl-C reaches DVC and its stage from the terminal: we wait until they have ended.

    Raises:
        DataError: DVC is not installed beside this Python.
    """
    remove_broken_lock()
    with _left_to_the_child(signal.SIGINT):
        return subprocess.run([program(), *words], env=environment(), check=False).returncode


def remove_broken_lock(folder: Path = Path()) -> bool:
    """Remove the list of locks that a killed DVC left empty; whether there was one.

    DVC cannot read it. One that is not empty names the processes that hold locks, and DVC sorts out
    those that are gone.
    """
    path = folder / RWLOCK
    broken = path.is_file() and path.stat().st_size == 0
    if broken:
        path.unlink()
    return broken


def program() -> str:
    """The DVC that is installed beside this Python.

    Raises:
        DataError: there is none.
    """
    path = BIN / "dvc"
    if not path.is_file():
        raise DataError(f"{path}: no such file; install this project with `pip install -e .`")
    return str(path)


def environment() -> dict[str, str]:
    """Ours, with this Python first on the PATH, as dvc.yaml calls it `python`."""
    return {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}


@contextmanager
def _left_to_the_child(number: signal.Signals) -> Iterator[None]:
    """Take no notice of a signal; unlike SIG_IGN, a handler is not inherited by the child."""
    before = signal.signal(number, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(number, before)
