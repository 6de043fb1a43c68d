"""Runs at once, by processes of this machine or a Ray cluster; if one fails, the rest goes on."""

import fcntl
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from pipeline.compute import parallel as cluster
from pipeline.compute import worker
from pipeline.errors import DataError, UserError
from pipeline.params import Settings
from pipeline.tools.workspaces.workspace import RunTime, Workspace

HERE = cluster.Options(workers=1, ray=None)
VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True)
class Run:
    """Stages in a workspace.

    Attributes:
        workspace: where they run.
        stages: in their order.
        after: the run whose outputs they read.
    """

    workspace: Workspace
    stages: tuple[str, ...]
    after: "Run | None" = None

    def time(self) -> RunTime | None:
        """The time of all stages together; None if one is not done."""
        each = [self.workspace.done(name) for name in self.stages]
        return sum((one for one in each if one), RunTime()) if all(each) else None

    def spreading(self, where: cluster.Options) -> "Run":
        """The same, whose stages spread their own work."""
        return replace(self, workspace=self.workspace.spreading(where))


@dataclass(frozen=True, slots=True)
class Task:
    """A run for a worker process, and the GPUs that all workers of its machine share, by name."""

    run: Run
    gpus: Sequence[str]


def at_once(settings: Settings, jobs: int | None) -> cluster.Options:
    """Where runs go: as `cluster` says, but for a number of processes that is given."""
    where = settings.section("cluster", cluster.Options)
    return where if jobs is None else where.model_copy(update={"workers": jobs, "ray": None})


def carry_out(folder: Path, runs: Sequence[Run], where: cluster.Options) -> Iterator[str]:
    """Carry out all that is not done, runs that others read first.

    A run has one process with one thread, and a GPU where there are any: its bytes are the same
    wherever and beside whichever others it runs. Where runs that others read are too few for all
    processes, they go one after the other, and it is their stages that spread over these.

    Args:
        folder: locked meanwhile; that of every run lies in it.
        runs: by distinct workspaces.
        where: they run.

    Yields:
        A line for every run that has ended, well or not.

    Raises:
        DataError: some have failed, after all others have ended; or another process works in the
            folder.
    """
    failed = 0
    with locked(folder):
        for todo, place in _phases(runs, where):
            gpus = _gpus(place)
            tasks = [Task(run, gpus) for run in todo]
            ended = cluster.parallel_unordered(_stages_of, tasks, place, on_gpu=True)
            for count, (number, failure) in enumerate(ended, 1):
                time = todo[number].time()
                failed += failure is not None
                what = failure if time is None else f"{time.seconds:.0f} s"
                name = todo[number].workspace.folder.relative_to(folder)
                yield f"{name}: {what} ({count} of {len(todo)})"
    left = sum(run.time() is None for run in runs)
    if left:
        raise DataError(
            f"{folder}: {left} of {len(runs)} runs are not done, as {failed} failed; mend what the "
            "lines above say: the same command runs these alone"
        )


def _phases(
    runs: Sequence[Run], where: cluster.Options
) -> Iterator[tuple[list[Run], cluster.Options]]:
    """What is not done and can be, with where it runs: runs that others read, then the rest."""
    read = {run.after for run in runs}
    todo = [run for run in runs if run in read and run.time() is None]
    if todo and (where.ray is not None or len(todo) < cluster.processes(where, on_gpu=True)):
        yield [run.spreading(where) for run in todo], HERE
    elif todo:
        yield todo, where
    todo = [run for run in runs if run not in read and run.time() is None]
    todo = [run for run in todo if run.after is None or run.after.time() is not None]
    if todo:
        yield todo, where


def _stages_of(task: Task) -> str | None:
    """Carry out a run in a worker process; why it failed, or None."""
    variables = {}
    if len(task.gpus) > 1:
        variables[VISIBLE] = task.gpus[worker.number() % len(task.gpus)]
    try:
        task.run.workspace.run(task.run.stages, variables)
    except UserError as error:
        return str(error)
    return None


def _gpus(where: cluster.Options) -> tuple[str, ...]:
    """Names of the GPUs that processes of this machine share; none where Ray hands them out."""
    if where.ray is not None or where.workers == 1:
        return ()
    from pipeline.compute import device

    devices = [each for each in device.all_devices() if each.type == "cuda"]
    named = os.environ.get(VISIBLE, "").split(",") if os.environ.get(VISIBLE) else []
    return tuple((named or [str(each.index) for each in devices])[: len(devices)])


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder while its runs go on; SIGTERM raises KeyboardInterrupt meanwhile.

    Raises:
        DataError: it cannot be created, or another process works in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be created ({error.strerror}); name another folder"
        ) from None
    with (folder / ".lock").open("w") as lock:
        _take(lock, folder)
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)


def _take(lock: IO[str], folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DataError(f"{folder}: another run is using it; wait until it ends") from None
    except OSError:
        return  # some file systems of clusters have no locks
