"""Losses: what a network is trained on, handed to `Trainer`."""

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

from pipeline.train.data.batches import MicroBatch

Network = Callable[..., Tensor]
"""A network's forward pass in the precision of training; its output is float32."""


class Loss(Protocol):
    """What is minimised."""

    num_logs: int
    """Length K of the logs."""

    def __call__(self, network: Network, batch: MicroBatch) -> tuple[Tensor, Tensor]:
        """The loss of a micro-batch, a scalar, and its logs, float32 [K].

        Both add up over the micro-batches of a step, on all processes, to those of the batch.
        """

    def report(self, logs: Tensor) -> dict[str, float]:
        """What experiment trackers show of the logs [n, K] of n consecutive steps."""


def run(
    network: Network,
    noisy: Tensor,
    level: Tensor,
    actions: Tensor,
    dropped: Tensor | None,
    clean: Tensor | None = None,
) -> Tensor:
    """The network's output, of `dropped` clips [P] without their actions.

    What is not given is not handed on: a network that need not drop actions need not know how.
    """
    if dropped is not None:
        return network(noisy, level, actions, None, None, clean, dropped)
    if clean is not None:
        return network(noisy, level, actions, None, None, clean)
    return network(noisy, level, actions)
