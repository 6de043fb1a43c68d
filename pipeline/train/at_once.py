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
LARGEST = 10_000_000
"""Weights of a network whose batches are halved, at most. Adding up a gradient of each half is
little work for NanoWM-nano; a step of B/2 on 8 clips takes a sixth longer by it, in one thread."""

Backward = Callable[[nn.Module, MicroBatch], Tensor]
"""Accumulates a micro-batch's gradient in a network; returns loss and logs, float32 [1 + K]."""


def pays(weights: int, options: Options, group: Group) -> bool:
    """Whether the halves of a batch of a network with so many weights are to be computed at once.

    That is for a small network on a CPU, whose threads inside a product, a sum or a norm spend half
    their time waiting for each other, and many times as much beside other work.
    """
    alone = group.device.type == "cpu" and group.size == 1 and weights <= LARGEST
    compiles = compile_mode.resolve_compile_mode(options.compile, gpu=False) != "none"
    return alone and not compiles and options.accumulation == 1 and options.batch % HALVES == 0


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
