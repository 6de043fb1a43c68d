"""Distance between predicted frames and the goal: the cost of a plan."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.plan import Distance

EPS = 1e-6
"""Smallest norm that a feature is divided by."""
SCREENING = 0.01
"""Of `sobolev`, in cells^-2: at 10 cells (1 / its root) a distance is no longer felt."""

Metric = Callable[[Tensor, Tensor], Tensor]
"""Features [N, T, ...] of frames and [N or 1, 1, ...] of goals to their distances [N, T]."""


def mse(frames: Tensor, goal: Tensor) -> Tensor:
    """Mean squared difference of each frame, [N, T]."""
    return (frames - goal).square().flatten(2).mean(2)


def cosine(frames: Tensor, goal: Tensor) -> Tensor:
    """1 - cosine similarity of the features [C] of frame and goal, mean over positions, [N, T]."""
    x, y = (functional.normalize(z, dim=2, eps=EPS) for z in (frames, goal))
    return (1 - (x * y).sum(2)).mean((2, 3))


def sobolev(frames: Tensor, goal: Tensor) -> Tensor:
    """Squared negative Sobolev norm of each frame's difference over the grid, [N, T].

    Cosine modes count by 1 / (their eigenvalue of -Laplacian + `SCREENING`), on average 1. To first
    order it is what it takes to carry one frame's content to its place in the other (Peyre 2018,
    Comparison between W2 distance and H^-1 norm), so that it still falls where things approach that
    do not overlap; the squared error does not. On a grid of one cell it is that.
    """
    rows, columns = (_cosines(size).to(frames) for size in frames.shape[3:])
    modes = rows @ (frames - goal) @ columns.T
    along, across = (
        2 - 2 * torch.cos(math.pi * torch.arange(len(x)) / len(x)) for x in (rows, columns)
    )
    weights = 1 / (along[:, None] + across + SCREENING)
    return (modes.square() * (weights / weights.mean()).to(modes)).flatten(2).mean(2)


def _cosines(size: int) -> Tensor:
    """The orthonormal discrete cosine transform (DCT-II), [size, size]."""
    number, place = torch.arange(size)[:, None], torch.arange(size) + 0.5
    waves = torch.cos(math.pi * number * place / size) * math.sqrt(2 / size)
    waves[0] /= math.sqrt(2)
    return waves


METRICS: dict[str, Metric] = {"mse": mse, "cosine": cosine, "sobolev": sobolev}
"""Of latents, by their names in params.yaml."""


def goal_distance(frames: Tensor, goal: Tensor, options: Distance) -> Tensor:
    """Cost of each plan, [N], as in the reference (planning/objective.py).

    Args:
        frames: latents [N, T, C, h, w], the current frame first, then those predicted.
        goal: latents [N or 1, 1, C, h, w].
        options: which frames count, and the metric: `mse`, `cosine` or `sobolev`.
    """
    return over_frames(METRICS[options.metric](frames, goal), options)


def plan_costs(
    features: Tensor, now: Tensor, goal: Tensor, metric: Metric, options: Distance
) -> Tensor:
    """Costs [B, N] of what N plans in each of B episodes lead to.

    Args:
        features: of the predicted frames that are `counted`, [B, N, H or 1, ...].
        now: of the current frame [B, 1, ...].
        goal: of the goal [B, 1, ...].
        metric: distance of features.
        options: which frames count.
    """
    candidates = features.shape[1]
    first = now[:, None].expand(-1, candidates, 1, *features.shape[3:])
    frames = torch.cat([first, features], 2).flatten(0, 1)  # [B N, 1 + H, ...]
    goals = goal.repeat_interleave(candidates, 0)  # [B N, 1, ...]
    return over_frames(metric(frames, goals), options).unflatten(0, (-1, candidates))


def counted(options: Distance) -> slice:
    """The predicted frames, of H, that a cost depends on: the last one, or all."""
    return slice(-1, None) if options.frames == "last" else slice(None)


def over_frames(distances: Tensor, options: Distance) -> Tensor:
    """Cost [N] of the distances [N, T] of the current frame and those predicted."""
    if options.frames == "last":
        return distances[:, -1]
    if options.frames == "min":
        return distances[:, 1:].min(1).values
    weights = options.base ** torch.arange(distances.shape[1], device=distances.device)
    # The weights sum to 1, yet the reference takes a mean: a factor of 1/T, which ranks the same.
    return (distances * weights / weights.sum()).mean(1)
