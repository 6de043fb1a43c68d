"""Iterators that work ahead of their consumer."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count, islice
from typing import TypeVar

Given = TypeVar("Given")
Item = TypeVar("Item")


def prefetched(items: Iterator[Item], ahead: int) -> Generator[Item]:
    """Items in their order, of which up to `ahead` are made in a thread before they are asked for.

    What `items` raises is raised where its item would have come. Once this iterator is closed, no
    further item is begun, and the one in the making has ended.
    """
    end = object()
    with closing(computed(lambda _: next(items, end), count(), ahead, threads=1)) as made:
        for item in made:
            if item is end:
                return
            yield item  # type: ignore[misc]


def computed(
    function: Callable[[Given], Item],
    inputs: Iterable[Given],
    ahead: int,
    begin: Callable[[], object] | None = None,
    threads: int | None = None,
) -> Generator[Item]:
    """`function` of each input, in their order; up to `ahead` before they are asked for.

    In so many threads, or in one for each of those; each does `begin` first. With `ahead` 0, each
    is computed here, when it is asked for. What a call raises is raised where its result would have
    come. Once this iterator is closed, no further call is begun, and those that were have ended.
    """
    if not ahead:
        yield from map(function, inputs)
        return
    rest, pool = iter(inputs), ThreadPoolExecutor(threads or ahead, initializer=begin)
    try:
        waiting = deque(pool.submit(function, each) for each in islice(rest, ahead))
        while waiting:
            found = waiting.popleft().result()
            waiting.extend(pool.submit(function, each) for each in islice(rest, 1))
            yield found
    finally:
        pool.shutdown(cancel_futures=True)
