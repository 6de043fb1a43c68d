"""Model predictive path integral control (Williams et al. 2017, algorithm 2)."""

import torch
from pydantic import Field, model_validator
from torch import Tensor

from pipeline.params import Params
from pipeline.planners import Problem, Solution
from pipeline.planners._shared.candidates import (
    MIN_STD,
    Ranked,
    beginning_with,
    check_elites,
    evaluated,
    nothing_tried,
    require_continuous,
)
from pipeline.planners._shared.coloured_noise import DESCRIPTION, coloured

EPS = 1e-12
"""Spread of costs below which all weigh the same."""


class Options(Params):
    """Size and width of the search."""

    candidates: int = Field(gt=1)
    elites: int | None = Field(gt=1, description="only the best so many weigh; null for all")
    rounds: int = Field(gt=0)
    spread: float = Field(gt=0, description="initial std of the candidates")
    noise_exponent: float = Field(ge=0, description=DESCRIPTION)
    temperature: float = Field(
        gt=0, description="lambda, in standard deviations of the costs that weigh"
    )
    adapt: bool = Field(
        description="fit the std to the weights too (Hansen et al. 2022, eq. 4); false keeps it"
    )

    @model_validator(mode="after")
    def _fit_together(self) -> "Options":
        if self.elites is not None:
            check_elites(self.elites, self.candidates)
        return self


def build(options: Options) -> "PathIntegral":
    """The planner."""
    return PathIntegral(options)


class PathIntegral:
    """MPPI with a diagonal Gaussian for each episode; a `Planner`."""

    def __init__(self, options: Options) -> None:
        """Take the options of the search."""
        self.options = options

    def plan(self, problem: Problem) -> Solution:
        """The weighted mean after the last round, or a candidate that is cheaper.

        That mean is tried in a round of its own.
        """
        require_continuous(problem, "mppi")
        options = self.options
        mean = problem.initial[:, 0]  # [B, H, A]
        std = torch.full_like(mean, options.spread)
        first, best, costs = problem.initial, nothing_tried(problem), []
        for _ in range(options.rounds):
            noise = coloured(problem, options.candidates, options.noise_exponent)
            drawn = problem.bounded(mean[:, None] + std[:, None] * noise)  # [B, N, H, A]
            tried = evaluated(problem, beginning_with(first, drawn))
            best = best.merged(tried.first(1)).first(1)
            costs.append(tried.costs[:, 0])
            mean, fitted = weighted(tried.first(options.elites or options.candidates), options)
            std = fitted.clamp(min=MIN_STD) if options.adapt else std
            first = mean[:, None]
        last = evaluated(problem, first)
        costs.append(last.costs[:, 0])
        return Solution(best.merged(last).plans[:, 0], torch.stack(costs))


def weighted(tried: Ranked, options: Options) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation [B, H, A] of candidates, weighed by exp(-cost / lambda)."""
    costs = tried.costs - tried.costs[:, :1]
    scale = options.temperature * costs.std(1, keepdim=True).clamp(min=EPS)
    weights = (-costs / scale).softmax(1)[..., None, None]  # [B, N, 1, 1]
    mean = (weights * tried.plans).sum(1)
    variance = (weights * (tried.plans - mean[:, None]).square()).sum(1)
    return mean, variance.sqrt()
