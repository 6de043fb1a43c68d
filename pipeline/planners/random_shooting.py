"""Random shooting: the cheapest of some random sequences (Rao 2009, sec. 6).

About a warm start it is predictive sampling (Howell et al. 2022, algorithm 1).
"""

import torch
from pydantic import Field
from torch import Tensor

from pipeline.params import Params
from pipeline.planners import Problem, Solution
from pipeline.planners._shared.candidates import beginning_with, evaluated
from pipeline.planners._shared.choices import indices_of, sequences_of
from pipeline.planners._shared.coloured_noise import DESCRIPTION, coloured


class Options(Params):
    """Size and width of the search."""

    candidates: int = Field(gt=0, description="sequences tried, those given among them")
    spread: float = Field(
        gt=0, description="std about the warm start; discrete actions are drawn evenly instead"
    )
    noise_exponent: float = Field(ge=0, description=DESCRIPTION)


def build(options: Options) -> "RandomShooting":
    """The planner."""
    return RandomShooting(options)


class RandomShooting:
    """One round of random sequences; a `Planner`, of continuous or discrete actions."""

    def __init__(self, options: Options) -> None:
        """Take the options of the search."""
        self.options = options

    def plan(self, problem: Problem) -> Solution:
        """The cheapest of the sequences given and of random ones."""
        if problem.choices is None:
            first, drawn = problem.initial, self._about(problem)
        else:
            first = sequences_of(problem, indices_of(problem, problem.initial))
            drawn = self._among(problem, problem.choices)
        best = evaluated(problem, beginning_with(first, drawn)).first(1)
        return Solution(best.plans[:, 0], best.costs.T)

    def _about(self, problem: Problem) -> Tensor:
        """Sequences [B, N, H, A] normally distributed about the warm start."""
        noise = coloured(problem, self.options.candidates, self.options.noise_exponent)
        return problem.bounded(problem.initial[:, :1] + self.options.spread * noise)

    def _among(self, problem: Problem, choices: Tensor) -> Tensor:
        """Sequences [B, N, H, A] of actions each as likely as the other."""
        horizon, size = problem.initial.shape[2:]
        shape = (self.options.candidates, horizon, size // choices.shape[1])
        drawn = [
            torch.randint(len(choices), shape, generator=generator)
            for generator in problem.generators
        ]
        return sequences_of(problem, torch.stack(drawn).to(problem.initial.device))
