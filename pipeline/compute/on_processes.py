"""Parallel map over processes of this machine."""

import multiprocessing
import pickle
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import TypeVar

from pipeline.compute import worker
from pipeline.compute.in_order import as_ended
from pipeline.errors import MachineError

Task = TypeVar("Task")
Result = TypeVar("Result")
START = "forkserver" if sys.platform == "linux" else "spawn"
"""How processes start: as copies of one that has imported what they need, where libraries bear it;
macOS's own do not."""
LOSSES = 3
"""How often work is done again that a killed process has left, as Ray does it."""


def map_on_processes(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: int
) -> Iterator[tuple[int, Result]]:
    """See `parallel.parallel_unordered`."""
    left, lost = dict.fromkeys(range(len(tasks))), 0
    while left:
        numbered = ((number, tasks[number]) for number in tuple(left))
        try:
            for number, result in _in_pool(function, numbered, workers):
                del left[number]
                yield number, result
        except BrokenProcessPool:
            lost += 1
            if lost > LOSSES:
                raise MachineError(
                    f"one of {workers} worker processes was killed, {lost} times, most likely as "
                    "memory ran out; set cluster.workers to fewer"
                ) from None
            print("a worker process was killed; its work is done again", file=sys.stderr)


def _module(function: Callable[..., object]) -> str:
    while isinstance(function, partial):
        function = function.func
    return function.__module__


def _in_pool(
    function: Callable[[Task], Result], tasks: Iterable[tuple[int, Task]], workers: int
) -> Iterator[tuple[int, Result]]:
    """Until one of the processes is killed, which raises BrokenProcessPool."""
    context = multiprocessing.get_context(START)
    # nanowm first: it takes our `pipeline`, and no pipeline.py of the folder in which this runs.
    context.set_forkserver_preload(["nanowm", _module(function)])
    pool = ProcessPoolExecutor(
        workers, context, initializer=worker.start, initargs=(context.Value("i", 0),)
    )
    others = multiprocessing.active_children()

    def submit(task: Task) -> Future[bytes]:
        return pool.submit(worker.call, function, worker.pack(task))

    def ended(running: list[Future[bytes]]) -> set[Future[bytes]]:
        return wait(running, return_when=FIRST_COMPLETED).done

    def result(future: Future[bytes]) -> Result:
        unpacked: Result = pickle.loads(future.result())
        return unpacked

    try:
        yield from as_ended(tasks, submit, ended, result, 2 * workers)
    except BaseException:  # an error of a task, or Ctrl-C: what still runs is of no use
        for process in multiprocessing.active_children():
            if process not in others:
                process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
