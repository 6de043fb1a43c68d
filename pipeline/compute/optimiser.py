"""Training loops of small networks: one optimiser step, and an EMA of weights."""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor, nn

from pipeline.compute.adamw import AdamW

LARGEST_NORM = 1.0
"""Gradients are clipped to this norm."""
WARMUP = 0.1
"""Share of the steps over which the learning rate rises."""


class Optimiser:
    """AdamW whose learning rate rises over a tenth of the steps and is annealed over the rest.

    With `cosine` it follows half a cosine up and down, and the first beta does the opposite between
    .85 and .95 (one cycle; Smith & Topin 2019). With `linear` it follows a straight line up and
    down, and the betas stay.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        learning_rate: float,
        steps: int,
        weight_decay: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.999),
        annealing: Literal["cosine", "linear"] = "cosine",
    ) -> None:
        """Prepare `steps` steps up to `learning_rate`; without weight decay this is plain Adam."""
        self.parameters = list(parameters)
        self.optimiser = AdamW(self.parameters, learning_rate, betas, weight_decay)
        self.schedule: torch.optim.lr_scheduler.LRScheduler
        if annealing == "cosine":
            self.schedule = torch.optim.lr_scheduler.OneCycleLR(
                self.optimiser, learning_rate, total_steps=steps + 1, pct_start=WARMUP
            )
        else:
            up = WARMUP * steps
            self.schedule = torch.optim.lr_scheduler.LambdaLR(
                self.optimiser, lambda n: min((n + 1) / up, 1.0, (steps - n) / (steps - up))
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
