"""Parallel map over processes of this machine or a Ray cluster; results keep their order."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from pydantic import Field

from pipeline.compute.in_order import in_order
from pipeline.params import Params

Task = TypeVar("Task")
Result = TypeVar("Result")
SHARE = 2
"""Processes that nobody asked for may take one such part of the machine's memory."""


class Options(Params):
    """Where parallel work runs. It has no effect on results, so no stage depends on it."""

    workers: int | None = Field(
        gt=0,
        description="processes at once; null: ingest one for every core, encode one for every core "
        "or GPU, as many runs of ablate, frontier and reproduce, evaluate and plan one for every "
        "core as far as pieces and memory suffice, beside a GPU none besides their own",
    )
    ray: str | None = Field(
        description="address of a Ray cluster that shares this folder, or local; null: no Ray"
    )

    def for_pieces(self, count: int) -> "Options":
        """The same, for work that this process, which has loaded all, can do alone.

        Unless another number or Ray is asked for, there is a process for every core of a CPU, at
        most one for each of `count` long pieces, and as many as memory holds if each takes what
        this one has taken so far. Beside a GPU there are none besides this one.
        """
        if self.workers is not None or self.ray is not None:
            return self
        return self.model_copy(update={"workers": _that_pay(count)})

    @property
    def spread(self) -> bool:
        """Whether work may leave this process."""
        return self.ray is not None or self.workers != 1


def parallel_map(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    options: Options,
    *,
    on_gpu: bool = False,
) -> Iterator[Result]:
    """`function(task)` for every task, in their order; see `parallel_unordered`."""
    yield from in_order(parallel_unordered(function, tasks, options, on_gpu=on_gpu))


def parallel_unordered(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    options: Options,
    *,
    on_gpu: bool = False,
) -> Iterator[tuple[int, Result]]:
    """`function(task)` for every task with the task's number, as they end.

    The tasks of a process that was killed are done again, a few times.

    Args:
        function: at the top level of a module; it, the tasks and their results are pickled.
        tasks: arguments of the calls; they are asked for as they are sent.
        options: where they run.
        on_gpu: whether a task keeps a GPU busy where there is one: each has one task at a time.

    Raises:
        ParamsError: Ray is requested, but not installed or not reachable.
        MachineError: processes were killed again and again, or share no folder.
    """
    if options.ray is not None:
        from pipeline.compute.on_ray import map_on_ray

        yield from map_on_ray(function, tasks, options.ray, on_gpu=on_gpu)
        return
    workers = min(processes(options, on_gpu=on_gpu), len(tasks))
    if workers < 2:
        yield from enumerate(map(function, tasks))
        return
    from pipeline.compute.on_processes import map_on_processes

    yield from map_on_processes(function, tasks, workers)


def processes(options: Options, *, on_gpu: bool = False) -> int:
    """Most at once on this machine.

    Where none are asked for, one for every GPU if tasks need one and there are any, else for every
    core.
    """
    if options.workers is not None:
        return options.workers
    if on_gpu:
        from pipeline.compute import device

        if device.pick().type == "cuda":
            return len(device.all_devices())
    return cores()


def _that_pay(pieces: int) -> int:
    from pipeline.compute import device, memory

    if (here := device.pick()).type != "cpu":
        return 1
    held = memory.device_memory(here) // SHARE // memory.peak_memory()
    return max(1, min(cores(), pieces, held))


def cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
