"""Results of tasks that run elsewhere: as these end, and put into their order."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

Task = TypeVar("Task")
Handle = TypeVar("Handle")
Result = TypeVar("Result")


def as_ended(
    tasks: Iterable[tuple[int, Task]],
    submit: Callable[[Task], Handle],
    ended: Callable[[list[Handle]], Iterable[Handle]],
    result: Callable[[Handle], Result],
    limit: int,
) -> Iterator[tuple[int, Result]]:
    """The result of each task with the task's number, as they end.

    Args:
        tasks: with their numbers; asked for one by one, when they are submitted.
        submit: starts one elsewhere.
        ended: waits until some of the running ones have ended; these.
        result: of one that has ended; raises its error, which ends the map.
        limit: most tasks that run or wait for a worker.
    """
    left = iter(tasks)
    running: dict[Handle, int] = {}
    while True:
        for number, task in islice(left, limit - len(running)):
            running[submit(task)] = number
        if not running:
            return
        for handle in ended(list(running)):
            yield running.pop(handle), result(handle)


def in_order(numbered: Iterable[tuple[int, Result]]) -> Iterator[Result]:
    """Results in the order of their numbers, which are 0, 1, 2, ..."""
    results: dict[int, Result] = {}
    due = 0
    for number, result in numbered:
        results[number] = result
        while due in results:
            yield results.pop(due)
            due += 1
