"""Cross-entropy method (Rubinstein & Kroese 2004), with the update of the reference."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from pydantic import Field, model_validator
from torch import Tensor

from pipeline.params import Params
from pipeline.planners import Problem, Solution

MIN_STD = 1e-3
"""Keeps the search from collapsing onto one sequence."""


class Options(Params):
    """Size and width of the search."""

    candidates: int = Field(gt=1)
    elites: int = Field(gt=1)
    rounds: int = Field(gt=0)
    spread: float = Field(gt=0, description="initial std of the candidates")
    low: float | None = Field(description="lower bound of actions; null for none")
    high: float | None = Field(description="upper bound of actions; null for none")

    @model_validator(mode="after")
    def _fit_together(self) -> "Options":
        if self.elites > self.candidates:
            raise ValueError(f"elites = {self.elites} exceeds candidates = {self.candidates}")
        low, high = self.bounds()
        if low >= high:
            raise ValueError(f"low = {low} is not below high = {high}")
        return self

    def bounds(self) -> tuple[float, float]:
        """Lower and upper bound of actions."""
        low = -math.inf if self.low is None else self.low
        return low, math.inf if self.high is None else self.high


def build(options: Options) -> "CrossEntropy":
    """The planner."""
    return CrossEntropy(options)


@dataclass(frozen=True, slots=True)
class Round:
    """The search distributions after one round.

    Attributes:
        mean: of the elites, [B, H, A].
        std: unbiased standard deviation of the elites, at least MIN_STD, [B, H, A].
        best_cost: of the round's candidates, [B].
    """

    mean: Tensor
    std: Tensor
    best_cost: Tensor


class CrossEntropy:
    """CEM with a diagonal Gaussian for each episode; a `Planner`."""

    def __init__(self, options: Options) -> None:
        """Take the options of the search."""
        self.options = options

    def plan(self, problem: Problem) -> Solution:
        """The means of the last round's elites."""
        options = self.options
        noises = (problem.normal(options.candidates) for _ in range(options.rounds))
        rounds = list(self.search(problem, noises))
        return Solution(rounds[-1].mean, torch.stack([result.best_cost for result in rounds]))

    def search(self, problem: Problem, noises: Iterable[Tensor]) -> Iterator[Round]:
        """A round per standard normal noise [B, candidates, H, A]; proposals join the first."""
        mean = problem.initial[:, 0]  # [B, H, A]
        std = torch.full_like(mean, self.options.spread)
        proposals = problem.initial[:, 1:]  # [B, P - 1, H, A]
        for noise in noises:
            refit = self._refit(problem, mean, std, noise, proposals)
            mean, std, proposals = refit.mean, refit.std, proposals[:, :0]
            yield refit

    def _refit(
        self, problem: Problem, mean: Tensor, std: Tensor, noise: Tensor, proposals: Tensor
    ) -> Round:
        """Refit mean and std [B, H, A] to the elites of one round's candidates."""
        candidates = mean[:, None] + std[:, None] * noise  # [B, N, H, A]
        # As in the reference: a round's best is no worse than the mean.
        first = torch.cat([mean[:, None], proposals], 1)[:, : candidates.shape[1]]
        candidates[:, : first.shape[1]] = first
        candidates = problem.bounded(candidates).clamp(*self.options.bounds())
        costs = problem.cost(candidates)  # [B, N]
        best = costs.argsort(1)[:, : self.options.elites]
        elites = candidates.gather(1, best[..., None, None].expand(-1, -1, *mean.shape[1:]))
        std = elites.std(1).clamp(min=MIN_STD)
        return Round(elites.mean(1), std, costs.gather(1, best[:, :1])[:, 0])
