"""Cross-entropy method (Rubinstein & Kroese 2004), with the update of the reference."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from pydantic import Field, model_validator
from torch import Tensor

from pipeline.params import Params
from pipeline.planners import Cost

FLOOR = 1e-3


class Options(Params):
    """Effort and width of the search."""

    candidates: int = Field(gt=1)
    elites: int = Field(gt=1)
    rounds: int = Field(gt=0)
    spread: float = Field(gt=0, description="standard deviation of the first round")
    low: float | None = Field(description="smallest action of a candidate; null for any")
    high: float | None = Field(description="largest action of a candidate; null for any")

    @model_validator(mode="after")
    def _fit_together(self) -> "Options":
        if self.elites > self.candidates:
            raise ValueError(f"elites = {self.elites} exceeds candidates = {self.candidates}")
        low, high = self.bounds()
        if low >= high:
            raise ValueError(f"low = {low} is not below high = {high}")
        return self

    def bounds(self) -> tuple[float, float]:
        """Smallest and largest action of a candidate."""
        low = -math.inf if self.low is None else self.low
        return low, math.inf if self.high is None else self.high


def build(options: Options) -> "CrossEntropy":
    """The planner."""
    return CrossEntropy(options)


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of the search found.

    Attributes:
        mean: of the elites, [H, A].
        spread: their unbiased standard deviation, at least 1e-3, [H, A].
        best: cost of the best candidate, [].
    """

    mean: Tensor
    spread: Tensor
    best: Tensor


class CrossEntropy:
    """See `pipeline.planners.Planner`."""

    def __init__(self, options: Options) -> None:
        """Keep the options."""
        self.options = options

    def plan(self, cost: Cost, start: Tensor, generator: torch.Generator) -> Tensor:
        """The mean of the last round's elites."""
        shape = (self.options.candidates, *start.shape)
        noises = (torch.randn(shape, generator=generator) for _ in range(self.options.rounds))
        *_, last = self.search(cost, start, (noise.to(start) for noise in noises))
        return last.mean

    def search(self, cost: Cost, start: Tensor, noises: Iterable[Tensor]) -> Iterator[Round]:
        """A round for each standard normal noise [candidates, H, A], from the start [H, A] on."""
        mean, spread = start, torch.full_like(start, self.options.spread)
        for noise in noises:
            found = self._refit(cost, mean, spread, noise)
            mean, spread = found.mean, found.spread
            yield found

    def _refit(self, cost: Cost, mean: Tensor, spread: Tensor, noise: Tensor) -> Round:
        """Mean and spread of the elites among mean + spread x noise, and the mean itself."""
        candidates = mean + spread * noise
        candidates[0] = mean
        candidates = candidates.clamp(*self.options.bounds())
        costs = cost(candidates)
        best = costs.argsort()[: self.options.elites]
        elites = candidates[best]
        return Round(elites.mean(0), elites.std(0).clamp(min=FLOOR), costs[best[0]])
