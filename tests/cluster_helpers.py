"""Functions for worker processes, which import them by name."""

import os
import time
from pathlib import Path

from pipeline.compute import parallel as cluster


def worker_id(folder: Path, processes: int) -> tuple[int, int]:
    """The worker's number and process id, once `processes` of them have started."""
    (folder / str(os.getpid())).touch()
    limit = time.monotonic() + 60
    while len(list(folder.iterdir())) < processes and time.monotonic() < limit:
        time.sleep(0.01)
    return cluster.worker_number(), os.getpid()
