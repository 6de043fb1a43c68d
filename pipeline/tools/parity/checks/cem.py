"""CEM on linear dynamics, and the costs of plans."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.plan import Distance
from pipeline.plan.goal_distance import METRICS, goal_distance, plan_costs
from pipeline.planners import Problem, cem
from pipeline.tools.parity.golden import Arrays, Check, Folder, compare

TOLERANCE = 2e-5
TOKEN = 6
"""Channels of the flattened features in obj/*."""

SEARCHES = {
    "plain": ("last", 1.0, -math.inf, math.inf),
    "clipped": ("last", 1.0, -1.0, 0.8),
    "warm": ("last", 0.5, -math.inf, math.inf),
    "all": ("all", 1.0, -math.inf, math.inf),
}
"""Frames that count in the cost, initial std, lower and upper bound of actions, by search."""


def check(arrays: Arrays, folder: Folder) -> Iterator[Check]:
    """`SEARCH/{mu,sigma,best_loss_mean}` and `obj/{last,all}_{mse,cosine}`."""
    arrays.inputs("W", "obs0", "obsg", "noise", "warm", "obj/pred", "obj/tgt")
    for search in SEARCHES:
        names = [f"{search}/{what}" for what in ("mu", "sigma", "best_loss_mean")]
        if any(name in arrays for name in names):
            for name, ours in zip(names, _search(arrays, search), strict=True):
                if name in arrays:
                    yield compare(name, ours, arrays(name), TOLERANCE)
    for frames in ("last", "all"):
        for metric in ("mse", "cosine"):
            name = f"obj/{frames}_{metric}"
            if name in arrays:
                ours = _objective(arrays, _distance(frames, metric))
                yield compare(name, ours, arrays(name), TOLERANCE)


def _search(arrays: Arrays, name: str) -> tuple[Tensor, Tensor, Tensor]:
    """Means and stds [R + 1, B, H, A] of R iterations, and best costs [R], mean over B."""
    frames, std, low, high = SEARCHES[name]
    noise = arrays("noise")
    rounds, batch, candidates, horizon, size = noise.shape
    options = cem.Options(
        candidates=candidates,
        elites=6,
        rounds=rounds,
        spread=std,
        noise_exponent=0.0,
        result="mean",
    )
    warm_start = arrays("warm") if name == "warm" else torch.zeros(batch, 0, size)
    start = functional.pad(warm_start, (0, 0, 0, horizon - warm_start.shape[1]))
    world = LinearWorld(arrays("W"), arrays("obs0"), arrays("obsg"), _distance(frames, "mse"))
    bounds = torch.full((size,), low), torch.full((size,), high)
    generators = [torch.Generator()] * batch  # not drawn from: the noise is the reference's
    problem = Problem(world.cost, start[:, None], generators, *bounds)
    found = list(cem.build(options).search(problem, noise))
    means, stds = ([getattr(step, name) for step in found] for name in ("mean", "std"))
    best = torch.stack([step.best.costs[:, 0] for step in found])  # [R, B]
    first = torch.full_like(start, std)
    return torch.stack([start, *means]), torch.stack([first, *stds]), best.double().mean(1)


class LinearWorld:
    """Linear dynamics z' = z + a W, from starts to goals."""

    def __init__(self, weights: Tensor, start: Tensor, goal: Tensor, distance: Distance) -> None:
        """W is [A, D]; starts and goals are observations [B, 1, C, h, w] of D values each."""
        self.weights, self.start, self.goal, self.distance = weights, start, goal, distance

    def cost(self, plans: Tensor) -> Tensor:
        """Costs [B, N] of plans [B, N, H, A]."""
        displacements = (plans @ self.weights).cumsum(2).unflatten(-1, self.start.shape[2:])
        predicted = self.start[:, None] + displacements  # [B, N, H, C, h, w]
        metric = METRICS[self.distance.metric]
        return plan_costs(predicted, self.start, self.goal, metric, self.distance)


def _objective(arrays: Arrays, distance: Distance) -> Tensor:
    """Costs [N] of features [N, T, D], flattened token by token."""
    frames, goal = (
        arrays(name).unflatten(-1, (-1, 1, TOKEN)).movedim(-1, 2)
        for name in ("obj/pred", "obj/tgt")
    )
    return goal_distance(frames, goal, distance)


def _distance(frames: str, metric: str) -> Distance:
    # 2 is the reference's default base.
    return Distance.model_validate({"frames": frames, "metric": metric, "base": 2.0, "blur": 0.0})
