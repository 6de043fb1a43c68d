"""The cross-entropy method on discrete actions (de Boer et al. 2005, sec. 3.2)."""

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional

from pipeline.errors import ParamsError
from pipeline.params import Params
from pipeline.planners import Problem, Solution
from pipeline.planners._shared.candidates import (
    beginning_with,
    check_elites,
    evaluated,
    nothing_tried,
)
from pipeline.planners._shared.choices import indices_of, sequences_of


class Options(Params):
    """Size of the search."""

    candidates: int = Field(gt=1)
    elites: int = Field(gt=0, description="best of all rounds, which the next one is fitted to")
    rounds: int = Field(gt=0)
    momentum: float = Field(
        ge=0, lt=1, description="share of the probabilities that stays, 1 - alpha in the source"
    )

    @model_validator(mode="after")
    def _fit_together(self) -> "Options":
        check_elites(self.elites, self.candidates)
        return self


def build(options: Options) -> "CategoricalCrossEntropy":
    """The planner."""
    return CategoricalCrossEntropy(options)


class CategoricalCrossEntropy:
    """CEM with probabilities of the choices at each environment step; a `Planner`.

    At first all are equally likely; the sequences given join the first round as their nearest
    choices.
    """

    def __init__(self, options: Options) -> None:
        """Take the options of the search."""
        self.options = options

    def plan(self, problem: Problem) -> Solution:
        """The cheapest sequence of all rounds."""
        if problem.choices is None:
            raise ParamsError(
                "planner = 'categorical' chooses among discrete actions, but those here are "
                "continuous; choose another planner, such as cem"
            )
        options, count = self.options, len(problem.choices)
        first = indices_of(problem, problem.initial)  # [B, P, H, interval]
        even = first.new_full((len(first), *first.shape[2:], count), 1 / count, dtype=torch.float32)
        probabilities, costs = even, []
        elites = nothing_tried(problem)
        for _ in range(options.rounds):
            drawn = beginning_with(first, draw(problem, probabilities, options.candidates))
            tried = evaluated(problem, sequences_of(problem, drawn))
            elites = elites.merged(tried).first(options.elites)
            costs.append(tried.costs[:, 0])
            chosen = functional.one_hot(indices_of(problem, elites.plans), count)
            stays = options.momentum
            probabilities = stays * probabilities + (1 - stays) * chosen.float().mean(1)
            first = first[:, :0]
        return Solution(elites.plans[:, 0], torch.stack(costs))


def draw(problem: Problem, probabilities: Tensor, candidates: int) -> Tensor:
    """Numbers of choices [B, N, H, interval], drawn with probabilities [B, H, interval, K]."""
    drawn = []
    for rows, generator in zip(probabilities.cpu(), problem.generators, strict=True):
        flat = rows.flatten(0, 1)  # [H interval, K]
        numbers = torch.multinomial(flat, candidates, replacement=True, generator=generator)
        drawn.append(numbers.T.unflatten(1, rows.shape[:2]))  # [N, H, interval]
    return torch.stack(drawn).to(probabilities.device)
