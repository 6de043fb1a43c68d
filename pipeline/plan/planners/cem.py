"""Cross-entropy method (Rubinstein & Kroese 2004), with the update of the reference."""

import torch
from pydantic import Field, model_validator
from torch import Tensor

from pipeline.params import Params
from pipeline.plan.planners import Cost

FLOOR = 1e-3


class Options(Params):
    """Effort and width of the search."""

    candidates: int = Field(gt=1)
    elites: int = Field(gt=1)
    rounds: int = Field(gt=0)
    spread: float = Field(gt=0, description="standard deviation of the first round")

    @model_validator(mode="after")
    def _fewer_elites(self) -> "Options":
        if self.elites > self.candidates:
            raise ValueError(f"elites = {self.elites} exceeds candidates = {self.candidates}")
        return self


def build(options: Options) -> "CrossEntropy":
    """The planner."""
    return CrossEntropy(options)


class CrossEntropy:
    """See `pipeline.plan.planners.Planner`."""

    def __init__(self, options: Options) -> None:
        """Keep the options."""
        self.options = options

    def plan(self, cost: Cost, start: Tensor, generator: torch.Generator) -> Tensor:
        """The mean of the last round's elites."""
        mean, spread = start, torch.full_like(start, self.options.spread)
        for _ in range(self.options.rounds):
            noise = torch.randn((self.options.candidates, *start.shape), generator=generator)
            mean, spread = self.refit(cost, mean, spread, noise.to(start))
        return mean

    def refit(
        self, cost: Cost, mean: Tensor, spread: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        """One round: mean and spread [H, A] refitted to the elites among mean + spread x noise.

        The first candidate is the mean itself; the spread is unbiased and at least 1e-3.
        """
        candidates = mean + spread * noise
        candidates[0] = mean
        best = cost(candidates).argsort()[: self.options.elites]
        elites = candidates[best]
        return elites.mean(0), elites.std(0).clamp(min=FLOOR)
