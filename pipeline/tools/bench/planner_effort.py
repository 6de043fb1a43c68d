"""Options of a planner scaled to a number of evaluations, and how many it then spends."""

from dataclasses import dataclass, replace

from torch import Tensor

from pipeline.families import Module
from pipeline.params import Params, Variant
from pipeline.planners import Planner, Solution
from pipeline.tools.bench.planner_worlds import AnalyticWorld

Member = Variant[Module[Planner, Params], Params]

DEPTHS = {"rounds": 0.4, "steps": 0.7}
"""Options that say how often sequences are tried, which grow as the evaluations to this power."""
WIDTHS = ("candidates", "starts")
"""Options that say how many are tried at a time."""
SHARES = ("elites", "kept")
"""Options in proportion to the width."""
BACKWARD = 2
"""Evaluations that the gradient of one costs."""


@dataclass(slots=True)
class Counter:
    """A world's cost that counts the evaluations of sequences for each episode."""

    world: AnalyticWorld
    spent: int = 0

    def __call__(self, plans: Tensor) -> Tensor:
        """Costs [B, N] of sequences [B, N, H, A]."""
        self.spent += plans.shape[1] * (1 + BACKWARD * plans.requires_grad)
        return self.world.cost(plans)


def searched(member: Member, world: AnalyticWorld, seeds: int) -> tuple[Solution, int]:
    """What a planner finds for each seed, and the evaluations that it spent on each.

    Raises:
        ParamsError: it cannot search among the world's actions.
    """
    counter = Counter(world)
    solution = member.build().plan(replace(world.problem(seeds), cost=counter))
    return solution, counter.spent


def fitted(member: Member, world: AnalyticWorld, evaluations: int) -> Member:
    """A planner whose options spend about so many evaluations in a world.

    Raises:
        ParamsError: it cannot search among the world's actions.
    """
    factor = evaluations / searched(member, world, 1)[1]
    wide = factor
    for _ in range(4):  # what a planner adds, and the rounding, are found by trying
        scaled = _scaled(member, wide, factor)
        wide *= evaluations / searched(scaled, world, 1)[1]
    return scaled


def _scaled(member: Member, wide: float, factor: float) -> Member:
    """Options for `wide` times the evaluations, with the rounds of `factor` times."""
    values = member.options.model_dump()
    deeper = 1.0
    for name, power in DEPTHS.items():
        if name in values:
            rounds = max(1, round(values[name] * factor**power))
            deeper, values[name] = rounds / values[name], rounds
    for name in (*WIDTHS, *SHARES):
        if values.get(name) is not None:
            least = min(values[name], 2)
            values[name] = max(least, round(values[name] * wide / deeper))
    return replace(member, options=type(member.options).model_validate(values))
