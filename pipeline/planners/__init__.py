"""Planners: they search action sequences of low cost, and see nothing but the cost."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

Cost = Callable[[Tensor], Tensor]
"""Action sequences [N, H, A] to their costs [N]."""


class Planner(Protocol):
    """A search. `planners/NAME.py` offers `Options` and `build(options)`."""

    def plan(self, cost: Cost, start: Tensor, generator: torch.Generator) -> Tensor:
        """The best sequence found, [H, A].

        Args:
            cost: what is minimised; actions are standardised, so about -2..2 is sensible.
            start: the sequence [H, A] to begin the search at.
            generator: where every draw comes from.
        """
