"""Candidates [B, N, H, A] of a search and their costs [B, N]."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.errors import ParamsError
from pipeline.planners import Problem

MIN_STD = 1e-3
"""Keeps a search from collapsing onto one sequence."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """Sequences in ascending order of cost: plans [B, N, H, A], costs [B, N]."""

    plans: Tensor
    costs: Tensor

    def first(self, count: int) -> "Ranked":
        """The cheapest `count`, or all where there are fewer."""
        return Ranked(self.plans[:, :count], self.costs[:, :count])

    def merged(self, other: "Ranked") -> "Ranked":
        """These and others."""
        plans = torch.cat([self.plans, other.plans], 1)
        return ranked(plans, torch.cat([self.costs, other.costs], 1))


def ranked(plans: Tensor, costs: Tensor) -> Ranked:
    """Candidates in order of their costs; NaN comes last, equal costs stay in their order."""
    costs, order = costs.sort(dim=1, stable=True)
    return Ranked(plans.take_along_dim(order[..., None, None], 1), costs)


def evaluated(problem: Problem, plans: Tensor) -> Ranked:
    """Candidates in order of what they cost."""
    return ranked(plans, problem.cost(plans))


def nothing_tried(problem: Problem) -> Ranked:
    """No sequence yet."""
    return Ranked(problem.initial[:, :0], problem.initial[:, :0, 0, 0])


def beginning_with(first: Tensor, candidates: Tensor) -> Tensor:
    """Candidates [B, N, H, A], the foremost replaced by `first` [B, M, H, A]; at least M."""
    return torch.cat([first, candidates[:, first.shape[1] :]], 1)


def check_elites(elites: int, candidates: int) -> None:
    """Check options that belong together.

    Raises:
        ValueError: more elites than candidates.
    """
    if elites > candidates:
        raise ValueError(f"elites = {elites} exceeds candidates = {candidates}")


def require_continuous(problem: Problem, planner: str) -> None:
    """Check that actions are continuous.

    Raises:
        ParamsError: they are discrete.
    """
    if problem.choices is not None:
        raise ParamsError(
            f"planner = {planner!r} searches among continuous actions, but there are only "
            f"{len(problem.choices)} actions to choose from here; choose planner: categorical, or "
            "random_shooting"
        )
