"""Gradient descent on actions, through the model, from several starts (Adam, Kingma & Ba 2015)."""

import torch
from pydantic import Field
from torch import Tensor

from pipeline.params import Params
from pipeline.planners import Problem, Solution
from pipeline.planners._shared.candidates import (
    Ranked,
    beginning_with,
    ranked,
    require_continuous,
)
from pipeline.planners._shared.coloured_noise import DESCRIPTION, coloured


class Options(Params):
    """Size and width of the search."""

    starts: int = Field(gt=0, description="sequences that descend, those given among them")
    steps: int = Field(gt=0, description="of each; one costs about three evaluations")
    learning_rate: float = Field(gt=0, description="of Adam, in standardised actions a step")
    spread: float = Field(gt=0, description="std of the starts about the warm start")
    noise_exponent: float = Field(ge=0, description=DESCRIPTION)


def build(options: Options) -> "GradientDescent":
    """The planner."""
    return GradientDescent(options)


class GradientDescent:
    """Adam on all starts at once; a `Planner`."""

    needs_gradient = True

    def __init__(self, options: Options) -> None:
        """Take the options of the search."""
        self.options = options

    def plan(self, problem: Problem) -> Solution:
        """The cheapest sequence that any start passed through, its last step among them."""
        require_continuous(problem, "gradient")
        noise = coloured(problem, self.options.starts, self.options.noise_exponent)
        drawn = problem.bounded(problem.initial[:, :1] + self.options.spread * noise)
        # The caller may be in inference mode, in which nothing can be differentiated.
        with torch.inference_mode(False), torch.enable_grad():
            plans = beginning_with(problem.initial, drawn).clone().requires_grad_()
            return self._descended(problem, plans)

    def _descended(self, problem: Problem, plans: Tensor) -> Solution:
        """Where the starts [B, N, H, A], a leaf, lead to."""
        optimiser = torch.optim.Adam([plans], lr=self.options.learning_rate)
        rounds = []
        for _ in range(self.options.steps):
            costs = problem.cost(plans)
            rounds.append(_best(plans, costs))
            (plans.grad,) = torch.autograd.grad(costs.sum(), plans)
            optimiser.step()
            with torch.no_grad():
                plans.copy_(problem.bounded(plans))
        with torch.no_grad():
            rounds.append(_best(plans, problem.cost(plans)))
        costs = torch.cat([step.costs for step in rounds], 1)  # [B, steps + 1]
        best = ranked(torch.cat([step.plans for step in rounds], 1), costs)
        return Solution(best.plans[:, 0], costs.T)


def _best(plans: Tensor, costs: Tensor) -> Ranked:
    return ranked(plans.detach(), costs.detach()).first(1)
