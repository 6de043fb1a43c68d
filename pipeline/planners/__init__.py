"""Planners: black-box search for the action sequence of lowest cost."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from pipeline.families import Family, Module, family
from pipeline.params import Params

Cost = Callable[[Tensor], Tensor]
"""Action sequences [N, H, A] to their costs [N]."""


class Planner(Protocol):
    """A search algorithm. `planners/NAME.py` offers `Options` and `build(options)`."""

    def plan(self, cost: Cost, start: Tensor, generator: torch.Generator) -> Tensor:
        """The action sequence [H, A] that the search ends with.

        Args:
            cost: to minimise; its actions are standardised, so about -2..2 is sensible.
            start: initial sequence [H, A]; not modified.
            generator: draws all random numbers.
        """


PLANNERS: Family[Module[Planner, Params], Params] = family("planners")
