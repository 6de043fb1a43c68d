"""Iterators whose items are computed in threads ahead of their consumer."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count, islice
from typing import TypeVar

Input = TypeVar("Input")
Item = TypeVar("Item")


def prefetch(items: Iterator[Item], ahead: int) -> Generator[Item]:
    """Items in their order, up to `ahead` of them computed in a thread before they are requested.

    An exception of `items` is raised in place of its item. Once this iterator is closed, no
    computation runs or starts.
    """
    end = object()
    with closing(prefetch_map(lambda _: next(items, end), count(), ahead, threads=1)) as made:
        for item in made:
            if item is end:
                return
            yield item  # type: ignore[misc]


def prefetch_map(
    function: Callable[[Input], Item],
    inputs: Iterable[Input],
    ahead: int,
    begin: Callable[[], object] | None = None,
    threads: int | None = None,
) -> Generator[Item]:
    """`function` of each input, in their order, up to `ahead` computed before they are requested.

    An exception of a call is raised in place of its result. Once this iterator is closed, no call
    runs or starts.

    Args:
        function: called in a thread, or in the caller's own if `ahead` is 0.
        inputs: its arguments.
        ahead: most results computed in advance.
        begin: called first in each thread.
        threads: how many; None for `ahead`.
    """
    if not ahead:
        yield from map(function, inputs)
        return
    rest, pool = iter(inputs), ThreadPoolExecutor(threads or ahead, initializer=begin)
    try:
        waiting = deque(pool.submit(function, each) for each in islice(rest, ahead))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(pool.submit(function, each) for each in islice(rest, 1))
            yield result
    finally:
        pool.shutdown(cancel_futures=True)
