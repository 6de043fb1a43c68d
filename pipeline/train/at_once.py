"""Micro-batches of a step computed at once on a CPU, each in one thread of Python."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import torch
from torch import Tensor, nn

from pipeline.compute import compile_mode
from pipeline.train import Options
from pipeline.train.data.batches import MicroBatch
from pipeline.train.distributed.group import Group

HALVES = 2

Backward = Callable[[nn.Module, MicroBatch], Tensor]
"""Accumulates a micro-batch's gradient in a network; returns loss and logs, float32 [1 + K]."""


def halved(options: Options, group: Group) -> Options:
    """The options, with a batch in two micro-batches where they are to be computed at once.

    That is on a CPU, whose threads inside a product, a sum or a norm of a small network spend half
    their time waiting for each other, and many times as much beside other work.
    """
    alone = group.device.type == "cpu" and group.size == 1
    compiles = compile_mode.resolve_compile_mode(options.compile, gpu=False) != "none"
    if not alone or compiles or options.accumulation > 1 or options.batch % HALVES:
        return options
    return options.model_copy(update={"accumulation": HALVES})


class Copies:
    """A network and copies that share its weights; each computes a micro-batch in its own thread.

    Gradients are those of one micro-batch after another, to the bit.

    Attributes:
        networks: the network, then its copies.
        threads: of torch, for each of them.
    """

    def __init__(self, network: nn.Module, count: int) -> None:
        """Copy a network whose weights stay where they are, `count` in all."""
        self.networks = [network, *(deepcopy(network) for _ in range(count - 1))]
        for copy in self.networks[1:]:
            for own, shared in zip(copy.parameters(), network.parameters(), strict=True):
                own.data, own.grad = shared.data, None
        self.threads = max(1, torch.get_num_threads() // count)
        self._pool = ThreadPoolExecutor(
            count, initializer=torch.set_num_threads, initargs=(self.threads,)
        )

    def backward(self, micro_batches: Sequence[MicroBatch], backward: Backward) -> Tensor:
        """Accumulate the gradients of as many micro-batches; the sum of what each returns."""
        sums = sum(self._pool.map(backward, self.networks, micro_batches))
        assert isinstance(sums, Tensor)
        for copy in self.networks[1:]:
            for shared, own in zip(self.networks[0].parameters(), copy.parameters(), strict=True):
                if own.grad is not None:
                    assert shared.grad is not None
                    shared.grad += own.grad
                    own.grad = None
        return sums
