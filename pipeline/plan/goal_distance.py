"""Distance between predicted frames and the goal, in latent space: the cost of a plan."""

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.plan import Distance

EPS = 1e-6
"""Smallest norm that a feature is divided by."""


def goal_distance(frames: Tensor, goal: Tensor, options: Distance) -> Tensor:
    """Cost of each plan, [N], as in the reference (planning/objective.py).

    Args:
        frames: latents [N, T, C, h, w], the current frame first, then those predicted.
        goal: latents [N or 1, 1, C, h, w].
        options: which frames count, and by which metric.
    """
    metric = METRICS[options.metric]
    if options.frames == "last":
        return metric(frames[:, -1:], goal)[:, 0]
    distances = metric(frames, goal)  # [N, T]
    weights = options.base ** torch.arange(frames.shape[1], device=frames.device)
    # The weights sum to 1, yet the reference takes a mean: a factor of 1/T, which ranks the same.
    return (distances * weights / weights.sum()).mean(1)


def _mse(frames: Tensor, goal: Tensor) -> Tensor:
    """Mean squared difference of each frame, [N, T]."""
    return (frames - goal).square().mean((2, 3, 4))


def _cosine(frames: Tensor, goal: Tensor) -> Tensor:
    """1 - cosine similarity of the features [C] of frame and goal, mean over positions, [N, T]."""
    x, y = (functional.normalize(z, dim=2, eps=EPS) for z in (frames, goal))
    return (1 - (x * y).sum(2)).mean((2, 3))


METRICS = {"mse": _mse, "cosine": _cosine}
