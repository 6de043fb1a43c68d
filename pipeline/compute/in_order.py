"""Results in the order of their tasks, while these end in any order."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

Task = TypeVar("Task")
Handle = TypeVar("Handle")
Result = TypeVar("Result")


def in_order(
    tasks: Iterable[Task],
    submit: Callable[[Task], Handle],
    ended: Callable[[list[Handle]], Iterable[Handle]],
    result: Callable[[Handle], Result],
    limit: int,
) -> Iterator[Result]:
    """The result of each task.

    Args:
        tasks: asked for one by one, when they are submitted.
        submit: starts one elsewhere.
        ended: waits until some of the running ones have ended; these.
        result: of one that has ended; raises its error, which ends the map.
        limit: most tasks that run or wait for a worker.
    """
    left, due = enumerate(tasks), 0
    running: dict[Handle, int] = {}
    results: dict[int, Result] = {}
    while True:
        for number, task in islice(left, limit - len(running)):
            running[submit(task)] = number
        if not running:
            return
        for handle in ended(list(running)):
            results[running.pop(handle)] = result(handle)
        while due in results:
            yield results.pop(due)
            due += 1
