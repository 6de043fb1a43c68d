"""Sequences of discrete actions, as the numbers of their choices [B, N, H, interval]."""

import torch
from torch import Tensor

from pipeline.planners import Problem


def sequences_of(problem: Problem, indices: Tensor) -> Tensor:
    """Sequences [B, N, H, A] of the choices with these numbers."""
    assert problem.choices is not None
    return problem.choices.to(problem.initial)[indices].flatten(-2)


def indices_of(problem: Problem, plans: Tensor) -> Tensor:
    """Numbers of the choices nearest to the actions of some sequences [B, N, H, A]."""
    assert problem.choices is not None
    actions = plans.unflatten(-1, (-1, problem.choices.shape[1]))  # [B, N, H, interval, a]
    choices = problem.choices.to(plans)
    return torch.cdist(actions.flatten(0, -2), choices).argmin(-1).unflatten(0, actions.shape[:-1])
