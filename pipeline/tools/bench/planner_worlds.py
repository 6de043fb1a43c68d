"""Analytic worlds: costs of plans whose minimum is known."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.planners import Cost, Problem

BOUND = 2.0
"""Continuous actions lie in -BOUND..BOUND."""


@dataclass(frozen=True, slots=True)
class AnalyticWorld:
    """A problem that every episode shares.

    Attributes:
        cost: of sequences [B, N, H, A]; differentiable, save where actions are discrete.
        horizon: H.
        size: A.
        minimum: the lowest cost that any sequence within the bounds has.
        choices: discrete actions [K, a], or None.
    """

    cost: Cost
    horizon: int
    size: int
    minimum: float
    choices: Tensor | None = None

    def problem(self, seeds: int) -> Problem:
        """An episode for each seed, which begins with zeros."""
        bound = torch.full((self.size,), BOUND)
        return Problem(
            self.cost,
            torch.zeros(seeds, 1, self.horizon, self.size),
            [torch.Generator().manual_seed(seed) for seed in range(seeds)],
            -bound,
            bound,
            self.choices,
        )


def quadratic() -> AnalyticWorld:
    """(a - a*)' Q (a - a*) of two actions of ten numbers; Q is rotated, of condition number 10."""
    generator = torch.Generator().manual_seed(0)
    best = torch.randn(20, generator=generator).clamp(-1.5, 1.5)
    basis, _ = torch.linalg.qr(torch.randn(20, 20, generator=generator))
    scale = torch.logspace(-0.5, 0.5, 20)

    def cost(plans: Tensor) -> Tensor:
        return ((((plans.flatten(2) - best) @ basis) ** 2) * scale).mean(-1)

    return AnalyticWorld(cost, 2, 10, 0.0)


def double_integrator() -> AnalyticWorld:
    """A mass in the plane accelerated for ten steps: at rest in a place, with little effort.

    Costs are |p - goal|^2 + |v|^2 at the end, and 0.01 x the mean square of the actions.
    """
    steps, dt, effort = 10, 0.4, 0.01
    goal = torch.tensor([3.0, -2.0])
    # What an acceleration at step i adds to the position and to the velocity at the end.
    velocity = torch.full((steps,), dt)
    position = dt * dt * torch.arange(steps - 0.5, 0, -1)

    def cost(plans: Tensor) -> Tensor:
        reached, moving = (
            torch.einsum("bnha,h->bna", plans, each) for each in (position, velocity)
        )
        error = (reached - goal).square().sum(-1) + moving.square().sum(-1)
        return error + effort * plans.square().sum(-1).mean(-1)

    # The minimum of a sum of squares |M a - y|^2, for each axis.
    rows = torch.cat([position[None], velocity[None], (effort / steps) ** 0.5 * torch.eye(steps)])
    wanted = functional.pad(goal[None], (0, 0, 0, steps + 1))
    best = torch.linalg.lstsq(rows, wanted).solution  # [H, 2]
    assert best.abs().max() < BOUND
    return AnalyticWorld(cost, steps, 2, float(cost(best[None, None])))


def door() -> AnalyticWorld:
    """A point that must pass a wall by its door in ten steps to reach what lies behind it.

    The cost is the squared distance at the end, and 10 x the squared distance from the door of
    every crossing of the wall. Straight ahead, the best is to stop before the wall, at a cost of 4.
    """
    start, goal, stride = torch.tensor([-2.0, 0.0]), torch.tensor([2.0, 0.0]), 0.5
    centre, half_width = 1.0, 0.4

    def cost(plans: Tensor) -> Tensor:
        path = start + stride * plans.cumsum(2)
        path = torch.cat([start.expand_as(path[:, :, :1]), path], 2)  # [B, N, H + 1, 2]
        (x, y), (next_x, next_y) = path[:, :, :-1].unbind(-1), path[:, :, 1:].unbind(-1)
        crosses = (x < 0) != (next_x < 0)
        share = x / torch.where(crosses, x - next_x, 1.0)
        missed = (y + share * (next_y - y) - centre).abs() - half_width
        penalty = torch.where(crosses, missed.clamp(min=0).square(), 0.0).sum(-1)
        return (path[:, :, -1] - goal).square().sum(-1) + 10 * penalty

    return AnalyticWorld(cost, 10, 2, 0.0)


def grid() -> AnalyticWorld:
    """Discrete: a walk of twelve moves on a grid, two an action, through the door of a wall.

    A move into the wall stays where it is. The cost is the distance at the end, in moves on an
    empty grid.
    """
    moves = torch.tensor([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    start, goal, door = torch.tensor([-2.0, 0.0]), torch.tensor([2.0, 0.0]), 1.0

    def cost(plans: Tensor) -> Tensor:
        place = start.expand(*plans.shape[:2], 2)
        for move in plans.unflatten(-1, (2, 2)).flatten(2, 3).unbind(2):
            following = place + move
            blocked = (following[..., :1] == 0) & (following[..., 1:] != door)
            place = torch.where(blocked, place, following)
        return (place - goal).abs().sum(-1)

    return AnalyticWorld(cost, 6, 4, 0.0, moves)


WORLDS: dict[str, Callable[[], AnalyticWorld]] = {
    "quadratic": quadratic,
    "double integrator": double_integrator,
    "door": door,
    "grid": grid,
}


def excess(world: AnalyticWorld, plans: Tensor) -> Tensor:
    """How much more plans [B, H, A] cost than the best, as a share of what zeros do, [B]."""
    zeros = float(world.cost(torch.zeros(1, 1, world.horizon, world.size)))
    assert zeros > world.minimum
    assert math.isfinite(zeros)
    return (world.cost(plans[:, None])[:, 0] - world.minimum) / (zeros - world.minimum)
