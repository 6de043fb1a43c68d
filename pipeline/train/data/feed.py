"""Batches for a device that should never wait for them."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing
from functools import partial

import torch

from pipeline.compute.prefetch import computed
from pipeline.train.data.batches import Batch

AHEAD = 4
"""Batches that are drawn, each in a thread of its own, while a GPU is busy."""


def fed(
    draw: Callable[[int], Batch],
    steps: range,
    device: torch.device,
    waiting: Callable[[], AbstractContextManager[None]],
) -> Generator[Batch]:
    """The batches of `steps`, in their order.

    `waiting` is entered while the next one is not there yet. Beside a GPU, batches are drawn ahead,
    each on one core, lest torch's own threads keep the cores from whoever feeds the GPU; on a CPU
    the threads that drew them would take turns with those that train.
    """
    ahead = AHEAD if device.type == "cuda" else 0
    with closing(computed(draw, steps, ahead, partial(torch.set_num_threads, 1))) as batches:
        for _ in steps:
            with waiting():
                batch = next(batches)
            yield batch
