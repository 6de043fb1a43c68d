"""Cross-entropy method (Rubinstein & Kroese 2004), with the update of the reference."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from pydantic import Field, model_validator
from torch import Tensor

from pipeline.params import Params
from pipeline.planners import Cost

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
    """The search distribution after one round.

    Attributes:
        mean: of the elites, [H, A].
        std: unbiased standard deviation of the elites, at least MIN_STD, [H, A].
        best_cost: of the round's candidates, [].
    """

    mean: Tensor
    std: Tensor
    best_cost: Tensor


class CrossEntropy:
    """CEM with a diagonal Gaussian; a `Planner`."""

    def __init__(self, options: Options) -> None:
        """Take the options of the search."""
        self.options = options

    def plan(self, cost: Cost, start: Tensor, generator: torch.Generator) -> Tensor:
        """The mean [H, A] of the last round's elites."""
        shape = (self.options.candidates, *start.shape)
        noises = (torch.randn(shape, generator=generator) for _ in range(self.options.rounds))
        *_, last = self.search(cost, start, (noise.to(start) for noise in noises))
        return last.mean

    def search(self, cost: Cost, start: Tensor, noises: Iterable[Tensor]) -> Iterator[Round]:
        """A round per standard normal noise [candidates, H, A], starting from a mean [H, A]."""
        mean, std = start, torch.full_like(start, self.options.spread)
        for noise in noises:
            refit = self._refit(cost, mean, std, noise)
            mean, std = refit.mean, refit.std
            yield refit

    def _refit(self, cost: Cost, mean: Tensor, std: Tensor, noise: Tensor) -> Round:
        """Refit mean and std [H, A] to the elites of one round's candidates."""
        candidates = mean + std * noise  # [N, H, A]
        candidates[0] = mean  # as in the reference: a round's best is no worse than the mean
        candidates = candidates.clamp(*self.options.bounds())
        costs = cost(candidates)  # [N]
        best = costs.argsort()[: self.options.elites]
        elites = candidates[best]  # [elites, H, A]
        return Round(elites.mean(0), elites.std(0).clamp(min=MIN_STD), costs[best[0]])
