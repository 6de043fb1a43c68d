"""Training loops of small networks: one optimiser step, and an EMA of weights."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from pipeline.compute.adamw import AdamW

LARGEST_NORM = 1.0
"""Gradients are clipped to this norm."""


class Optimiser:
    """AdamW with a one-cycle learning rate: a tenth of the steps warms up, the rest anneals."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        learning_rate: float,
        steps: int,
        weight_decay: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        """Prepare `steps` steps up to `learning_rate`; without weight decay this is plain Adam."""
        self.parameters = list(parameters)
        self.optimiser = AdamW(self.parameters, learning_rate, betas, weight_decay=weight_decay)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, learning_rate, total_steps=steps + 1, pct_start=0.1
        )

    def step(self, loss: Tensor) -> None:
        """Backpropagate a loss [], clip the gradients and update the parameters."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, LARGEST_NORM)
        self.optimiser.step()
        self.schedule.step()


@torch.no_grad()
def ema_update(average: nn.Module, network: nn.Module, momentum: float) -> None:
    """Set every weight of `average` to momentum * itself + (1 - momentum) * that of `network`."""
    for mine, theirs in zip(average.parameters(), network.parameters(), strict=True):
        mine.lerp_(theirs, 1 - momentum)
