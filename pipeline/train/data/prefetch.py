"""Prefetching of batches, so that the GPU does not wait for them."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial

import torch

from pipeline.compute.prefetch import prefetch_map
from pipeline.compute.threads import threads
from pipeline.train.data.batches import Batch

AHEAD = 4
"""Batches that are drawn, each in a thread of its own, while a GPU is busy."""


def prefetch_batches(
    draw: Callable[[int], Batch],
    steps: range,
    device: torch.device,
    data_wait: Callable[[], AbstractContextManager[None]],
) -> Generator[Batch]:
    """The batches of `steps`, in their order.

    `data_wait` is entered while the next one is not there yet. On a GPU, batches are drawn ahead,
    each in one thread, so that torch's own threads do not slow down the one that feeds the GPU; on
    a CPU such threads would compete with those that train, and so do torch's own: a batch is small.
    """
    on_gpu = device.type == "cuda"
    ahead = AHEAD if on_gpu else 0
    with closing(prefetch_map(draw, steps, ahead, partial(torch.set_num_threads, 1))) as batches:
        for _ in steps:
            with data_wait(), nullcontext() if on_gpu else threads(1):
                batch = next(batches)
            yield batch
