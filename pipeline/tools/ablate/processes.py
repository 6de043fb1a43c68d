"""Child processes with one thread each, in a folder that one parent locks."""

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pipeline
from pipeline.errors import DataError

HOME = Path(pipeline.__file__).parent.parent
"""The folder that contains the package, for PYTHONPATH."""

Task = TypeVar("Task")


class Processes:
    """The child processes that work in one folder."""

    def __init__(self, lock: int) -> None:
        """Children inherit `lock`, an open file: the folder stays locked while one is alive."""
        self.lock, self.running = lock, set[subprocess.Popen[bytes]]()

    def run(self, command: Sequence[str], folder: Path, log: Path) -> tuple[int, float, float]:
        """Run a command in `folder`; its output goes to `log`.

        Returns:
            Its exit status, the seconds it took, and the CPU-seconds of it and its children.
        """
        path = f"{HOME}{os.pathsep}{os.environ.get('PYTHONPATH', HOME)}"
        start = time.perf_counter()
        with log.open("wb") as file:
            child = subprocess.Popen(
                command,
                cwd=folder,
                env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
                stdout=file,
                stderr=subprocess.STDOUT,
                pass_fds=(self.lock,),
            )
        self.running.add(child)
        _, status, usage = os.wait4(child.pid, 0)
        self.running.remove(child)
        child.returncode = os.waitstatus_to_exitcode(status)
        cpu = usage.ru_utime + usage.ru_stime
        return child.returncode, time.perf_counter() - start, cpu

    def map(self, work: Callable[[Task], None], tasks: Sequence[Task], jobs: int) -> Iterator[Task]:
        """Call `work` on every task, `jobs` in parallel; yields each task when it is done.

        The first error, or a signal, terminates running children: stages can resume.
        """
        pool = ThreadPoolExecutor(jobs)
        try:
            futures = {pool.submit(work, task): task for task in tasks}
            for future in as_completed(futures):
                future.result()
                yield futures[future]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in tuple(self.running):
                child.terminate()
            pool.shutdown()


@contextmanager
def locked(folder: Path) -> Iterator[Processes]:
    """Lock a folder while its processes run; SIGTERM raises KeyboardInterrupt meanwhile.

    Raises:
        DataError: it cannot be created, or another run or its children still work in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be created ({error.strerror}); name another folder"
        ) from None
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"{folder}: another run is using it; wait until it ends") from None
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            yield Processes(lock.fileno())
        finally:
            signal.signal(signal.SIGTERM, before)
