"""Parallel map over processes of this machine or a Ray cluster; results keep their order."""

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from pydantic import Field

from pipeline.compute.allocator import keep_freed_memory
from pipeline.errors import MachineError, ParamsError
from pipeline.params import Params

Task = TypeVar("Task")
Result = TypeVar("Result")
_own_number = 0


class Options(Params):
    """Where parallel work runs. It has no effect on results, so no stage depends on it."""

    workers: int | None = Field(gt=0, description="processes at once; null: one for every core")
    ray: str | None = Field(
        description="address of a Ray cluster that shares this folder, or local; null: no Ray"
    )


def parallel_map(
    function: Callable[[Task], Result], tasks: Sequence[Task], options: Options
) -> Iterator[Result]:
    """`function(task)` for every task, in their order.

    Args:
        function: at the top level of a module; it and the tasks are pickled.
        tasks: arguments of the calls.
        options: where they run.

    Raises:
        ParamsError: Ray is requested, but not installed or not reachable.
        MachineError: a process was killed.
    """
    workers = min(options.workers or os.cpu_count() or 1, len(tasks))
    if options.ray is not None:
        yield from _on_ray(function, tasks, options.ray)
    elif workers < 2:
        yield from map(function, tasks)
    else:
        yield from _on_processes(function, tasks, workers)


def _on_processes(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: int
) -> Iterator[Result]:
    context = multiprocessing.get_context("spawn")
    started = context.Value("i", 0)
    pool = ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(started,))
    try:
        yield from pool.map(function, tasks)
    except BrokenProcessPool:
        raise MachineError(
            f"one of {workers} worker processes was killed, most likely as memory ran out; set "
            "cluster.workers to fewer"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def worker_number() -> int:
    """Number of this worker process, constant over its tasks.

    Processes count from 0; on Ray, where they come and go, numbers are arbitrary.
    """
    return _own_number


def _start_worker(started: Any) -> None:
    global _own_number
    with started.get_lock():
        _own_number = started.value
        started.value += 1
    keep_freed_memory()
    _die_with_parent()


def _call_on_ray(function: Callable[[Task], Result], task: Task) -> Result:
    global _own_number
    _own_number = os.getpid()
    return function(task)


def _die_with_parent() -> None:
    """Exit when the parent is killed: a worker would otherwise wait for tasks forever."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _on_ray(
    function: Callable[[Task], Result], tasks: Sequence[Task], address: str
) -> Iterator[Result]:
    try:
        import ray
    except ImportError:
        raise ParamsError(
            "cluster.ray is set, but ray is missing; pip install -e '.[ray]' or set it to null"
        ) from None
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        ray.init(
            address=None if address == "local" else address,
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
        )
    except (ConnectionError, ValueError) as error:
        raise ParamsError(
            f"cluster.ray = {address!r}: {error}; start it or set it to null"
        ) from None
    remote: Any = ray.remote(_call_on_ray)
    limit = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
    running: deque[Any] = deque()
    try:
        for task in tasks:
            if len(running) == limit:
                yield ray.get(running.popleft())
            running.append(remote.remote(function, task))
        while running:
            yield ray.get(running.popleft())
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    finally:
        ray.shutdown()
