"""An iterator that works ahead of its consumer."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

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
