"""iCEM: cross-entropy with coloured noise and elites that are kept (Pinneri et al. 2020)."""

import torch
from pydantic import Field, model_validator

from pipeline.params import Params
from pipeline.planners import Problem, Solution
from pipeline.planners._shared.candidates import (
    MIN_STD,
    beginning_with,
    check_elites,
    evaluated,
    nothing_tried,
    require_continuous,
)
from pipeline.planners._shared.coloured_noise import DESCRIPTION, coloured


class Options(Params):
    """Size and width of the search; symbols are those of the paper's algorithm 1."""

    candidates: int = Field(gt=1, description="drawn in the first round, N")
    elites: int = Field(gt=1, description="best candidates that the next round is fitted to, K")
    rounds: int = Field(gt=0, description="of the search, CEM-iterations")
    spread: float = Field(gt=0, description="initial std of the candidates, sigma_init")
    noise_exponent: float = Field(ge=0, description=DESCRIPTION)
    decay: float = Field(
        ge=1, description="gamma: each round draws so many times fewer, but no less than 2 K"
    )
    kept: int = Field(gt=0, description="elites that stay among the candidates of the next round")
    momentum: float = Field(ge=0, lt=1, description="alpha: share of mean and std that stays")

    @model_validator(mode="after")
    def _fit_together(self) -> "Options":
        check_elites(self.elites, self.candidates)
        if self.kept > self.elites:
            raise ValueError(f"kept = {self.kept} exceeds elites = {self.elites}")
        return self


def build(options: Options) -> "ImprovedCrossEntropy":
    """The planner."""
    return ImprovedCrossEntropy(options)


class ImprovedCrossEntropy:
    """iCEM; a `Planner`. What it keeps between replans is the warm start alone."""

    def __init__(self, options: Options) -> None:
        """Take the options of the search."""
        self.options = options

    def plan(self, problem: Problem) -> Solution:
        """The cheapest sequence of all rounds, the mean before the last round among them."""
        require_continuous(problem, "icem")
        options = self.options
        mean = problem.initial[:, 0]  # [B, H, A]
        std = torch.full_like(mean, options.spread)
        kept = nothing_tried(problem)
        costs = []
        for number in range(options.rounds):
            noise = coloured(problem, self._population(number), options.noise_exponent)
            candidates = problem.bounded(mean[:, None] + std[:, None] * noise)  # [B, N, H, A]
            if number == 0:
                candidates = beginning_with(problem.initial, candidates)
            elif number == options.rounds - 1:
                candidates = beginning_with(mean[:, None], candidates)
            elites = evaluated(problem, candidates).merged(kept).first(options.elites)
            stays = options.momentum
            mean = stays * mean + (1 - stays) * elites.plans.mean(1)
            std = (stays * std + (1 - stays) * elites.plans.std(1)).clamp(min=MIN_STD)
            kept = elites.first(options.kept)
            costs.append(elites.costs[:, 0])
        return Solution(kept.plans[:, 0], torch.stack(costs))

    def _population(self, number: int) -> int:
        """Sequences drawn in a round."""
        options = self.options
        return max(int(options.candidates * options.decay**-number), 2 * options.elites)
