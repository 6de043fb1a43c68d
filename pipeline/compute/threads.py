"""How many threads torch computes with: it splits sums among them, so results depend on it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from pipeline.compute import device


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute in so many threads within the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def one_on_cpu() -> Iterator[None]:
    """Compute in one thread within the block, or beside a GPU in as many as before.

    So results of a CPU depend neither on its cores nor on who else computes, and processes side by
    side do not contend for cores: threads that wait for each other's parts keep theirs busy.
    """
    with threads(1 if device.pick().type == "cpu" else torch.get_num_threads()):
        yield
