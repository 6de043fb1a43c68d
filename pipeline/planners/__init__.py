"""Planners: search for the action sequences of lowest cost, for several episodes at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from pipeline.families import Family, Module, family
from pipeline.params import Params

Cost = Callable[[Tensor], Tensor]
"""Action sequences [B, N, H, A] of B episodes to their costs [B, N]."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is searched for: the best sequence of H actions in each of B episodes.

    An action of A numbers holds the `interval` environment actions of a model frame, one after
    another. Actions are standardised: about -2..2 is what was recorded.

    Attributes:
        cost: to minimise. It can be differentiated: where its argument requires a gradient, so do
            the costs.
        initial: sequences [B, P, H, A] to begin with, P >= 1, within the bounds. The first is where
            the last search stopped, or zeros; the others are proposals.
        generators: one for each episode draws all its random numbers, so that its plan depends on
            no other episode.
        low: lower bounds of an action, [A]; -inf for none.
        high: upper bounds, [A].
        choices: where actions are discrete, the K that can be taken at each environment step,
            [K, A / interval]; None where they are continuous.
        interval: environment steps of a model frame.
    """

    cost: Cost
    initial: Tensor
    generators: Sequence[torch.Generator]
    low: Tensor
    high: Tensor
    choices: Tensor | None = None
    interval: int = 1

    def normal(self, candidates: int) -> Tensor:
        """Standard normal noise [B, candidates, H, A], of each episode from its generator."""
        shape = (candidates, *self.initial.shape[2:])
        noises = [torch.randn(shape, generator=generator) for generator in self.generators]
        return torch.stack(noises).to(self.initial)

    def bounded(self, plans: Tensor) -> Tensor:
        """Sequences [..., H, A] cut to the bounds."""
        return plans.clamp(self.low, self.high)


@dataclass(frozen=True, slots=True)
class Solution:
    """What a search ends with.

    Attributes:
        plans: the sequences chosen, [B, H, A], within the bounds.
        costs: lowest cost of the candidates of each round, [rounds, B].
    """

    plans: Tensor
    costs: Tensor


class Planner(Protocol):
    """A search algorithm. `planners/NAME.py` offers `Options` and `build(options)`.

    One that differentiates the cost has an attribute `needs_gradient`, which is true.
    """

    def plan(self, problem: Problem) -> Solution:
        """Search, deterministically given the states of the problem's generators.

        Raises:
            ParamsError: the planner cannot search among such actions (discrete or continuous).
        """


PLANNERS: Family[Module[Planner, Params], Params] = family("planners")
