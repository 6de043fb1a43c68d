"""DVC as a process of its own, which is given the time to end well when it is interrupted."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import DataError
from pipeline.files.yaml_file import read_yaml

BIN = Path(sys.executable).parent
RWLOCK = Path(".dvc/tmp/rwlock")
LOCK_FILE = Path("dvc.lock")
RESTORE = (
    "`git restore . && dvc checkout` restores the committed state, and undoes what is not committed"
)


def run(*words: str) -> int:
    """Run DVC with its output on ours; its exit status.

    Ctrl-C reaches DVC and its stage from the terminal: we wait until they have ended.

    Raises:
        DataError: DVC is not installed beside this Python.
    """
    for path in remove_half_written():
        print(f"{path}: removed; a killed DVC left it half-written, and cannot read it", flush=True)
    with _left_to_the_child(signal.SIGINT):
        return subprocess.run([program(), *words], env=environment(), check=False).returncode


def remove_half_written(folder: Path = Path()) -> list[Path]:
    """Remove the files of DVC's own that a killed DVC left half-written; returns their paths.

    DVC writes two in place, and refuses to start where they are broken. Without the list of locks
    nothing is locked; without dvc.lock, DVC finds in its run-cache what has run before.
    """
    readable = {RWLOCK: _has_content, LOCK_FILE: _is_lock_file}
    paths = {folder / name: check for name, check in readable.items()}
    broken = [path for path, check in paths.items() if path.is_file() and not check(path)]
    for path in broken:
        path.unlink()
    return broken


def _has_content(path: Path) -> bool:
    """DVC writes it at once; one with content names processes, and DVC forgets those gone."""
    return path.stat().st_size > 0


def _is_lock_file(path: Path) -> bool:
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(read_yaml(path, ""))
    except (DataError, Invalid):
        return False
    return True


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
