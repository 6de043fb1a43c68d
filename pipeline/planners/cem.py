"""Cross-entropy method (Rubinstein & Kroese 2004), with the update of the reference."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

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
    require_continuous,
)
from pipeline.planners._shared.coloured_noise import DESCRIPTION, coloured


class Options(Params):
    """Size and width of the search."""

    candidates: int = Field(gt=1, description="sequences tried in a round")
    elites: int = Field(gt=1, description="best candidates, which the next round is fitted to")
    rounds: int = Field(gt=0)
    spread: float = Field(gt=0, description="initial std of the candidates")
    noise_exponent: float = Field(ge=0, description=DESCRIPTION)
    result: Literal["best", "mean"] = Field(
        description="best: the cheapest sequence tried, the last mean among them; mean: the mean "
        "of the last elites, as the reference does"
    )

    @model_validator(mode="after")
    def _fit_together(self) -> "Options":
        check_elites(self.elites, self.candidates)
        return self


def build(options: Options) -> "CrossEntropy":
    """The planner."""
    return CrossEntropy(options)


@dataclass(frozen=True, slots=True)
class Round:
    """The search distributions after one round.

    Attributes:
        mean: of the elites, [B, H, A].
        std: unbiased standard deviation of the elites, at least MIN_STD, [B, H, A].
        best: the cheapest candidate of the round, [B, 1, H, A], with its cost.
    """

    mean: Tensor
    std: Tensor
    best: Ranked


class CrossEntropy:
    """CEM with a diagonal Gaussian for each episode; a `Planner`."""

    def __init__(self, options: Options) -> None:
        """Take the options of the search."""
        self.options = options

    def plan(self, problem: Problem) -> Solution:
        """The cheapest sequence of all rounds, or the mean of the last round's elites."""
        require_continuous(problem, "cem")
        options = self.options
        size, exponent = options.candidates, options.noise_exponent
        noises = (coloured(problem, size, exponent) for _ in range(options.rounds))
        rounds = list(self.search(problem, noises))
        costs = [result.best.costs[:, 0] for result in rounds]
        mean = rounds[-1].mean
        if options.result == "mean":
            return Solution(mean, torch.stack(costs))
        best = last = evaluated(problem, mean[:, None])
        for result in rounds:
            best = result.best.merged(best).first(1)
        return Solution(best.plans[:, 0], torch.stack([*costs, last.costs[:, 0]]))

    def search(self, problem: Problem, noises: Iterable[Tensor]) -> Iterator[Round]:
        """A round per noise [B, candidates, H, A] of variance 1; proposals join the first.

        As in the reference, the mean is a candidate: a round's best is no worse.
        """
        first, mean = problem.initial, problem.initial[:, 0]
        std = torch.full_like(mean, self.options.spread)
        for noise in noises:
            drawn = problem.bounded(mean[:, None] + std[:, None] * noise)  # [B, N, H, A]
            tried = evaluated(problem, beginning_with(first, drawn))
            elites = tried.first(self.options.elites).plans
            mean, std = elites.mean(1), elites.std(1).clamp(min=MIN_STD)
            yield Round(mean, std, tried.first(1))
            first = mean[:, None]
