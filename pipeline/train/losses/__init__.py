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
