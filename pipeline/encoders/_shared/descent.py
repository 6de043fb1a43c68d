"""What fitting any small network here shares: one step of descent, and a slow copy that follows."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

LARGEST_NORM = 1.0


class Descent:
    """An optimiser whose rate rises for a tenth of the steps and falls for the rest."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        learning_rate: float,
        steps: int,
        weight_decay: float = 0.0,
    ) -> None:
        """Prepare `steps` steps; weight decay is decoupled, and Adam's none without it."""
        self.parameters = list(parameters)
        self.optimiser = torch.optim.AdamW(
            self.parameters, learning_rate, weight_decay=weight_decay
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, learning_rate, total_steps=steps + 1, pct_start=0.1
        )

    def step(self, loss: Tensor) -> None:
        """Go down the gradient of a loss [], clipped."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, LARGEST_NORM)
        self.optimiser.step()
        self.schedule.step()


@torch.no_grad()
def follow(slow: nn.Module, fast: nn.Module, momentum: float) -> None:
    """Make `slow` momentum * slow + (1 - momentum) * fast, weight by weight."""
    for mine, theirs in zip(slow.parameters(), fast.parameters(), strict=True):
        mine.lerp_(theirs, 1 - momentum)
