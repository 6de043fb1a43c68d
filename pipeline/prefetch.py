"""Iterators that work ahead of their consumer."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Given = TypeVar("Given")
Item = TypeVar("Item")


def prefetched(items: Iterator[Item], ahead: int) -> Generator[Item]:
    """Items in their order, of which up to `ahead` are made in a thread before they are asked for.

    With 0, each is made here, when it is asked for.

    What `items` raises is raised where its item would have come. Once this iterator is closed, no
    further item is begun, and the one in the making has ended.
    """
    if not ahead:
        yield from items
        return
    end = object()
    thread = ThreadPoolExecutor(1)
    try:
        waiting = deque(thread.submit(next, items, end) for _ in range(ahead))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(thread.submit(next, items, end))
            yield item  # type: ignore[misc]
    finally:
        thread.shutdown(cancel_futures=True)


def computed(
    function: Callable[[Given], Item],
    inputs: Iterable[Given],
    ahead: int,
    begin: Callable[[], object] | None = None,
) -> Generator[Item]:
    """`function` of each input, in their order; up to `ahead` at once, in as many threads.

    Each thread does `begin` first. With 0, each is computed here, when it is asked for. What a call
    raises is raised where its result would have come. Once this iterator is closed, no further call
    is begun, and those that were have ended.
    """
    if not ahead:
        yield from map(function, inputs)
        return
    rest, threads = iter(inputs), ThreadPoolExecutor(ahead, initializer=begin)
    try:
        waiting = deque(threads.submit(function, each) for each in islice(rest, ahead))
        while waiting:
            found = waiting.popleft().result()
            waiting.extend(threads.submit(function, each) for each in islice(rest, 1))
            yield found
    finally:
        threads.shutdown(cancel_futures=True)
