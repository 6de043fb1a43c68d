"""Functions for worker processes, which import them by name."""

import os
import signal
import time
from pathlib import Path

from pipeline.compute import worker
from pipeline.errors import DataError


def worker_id(folder: Path, processes: int) -> tuple[int, int]:
    """The worker's number and process id, once `processes` of them have started."""
    (folder / str(os.getpid())).touch()
    limit = time.monotonic() + 60
    while len(list(folder.iterdir())) < processes and time.monotonic() < limit:
        time.sleep(0.01)
    return worker.number(), os.getpid()


def killed_once(folder: Path, task: int) -> int:
    """The task; the first process that comes to task 2 is killed as if memory had run out."""
    if task == 2 and not (folder / "killed").exists():
        (folder / "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def wrong_or_long(seconds: float) -> None:
    """An error at once, or a long wait."""
    if not seconds:
        raise DataError("a piece is wrong; mend it")
    time.sleep(seconds)
