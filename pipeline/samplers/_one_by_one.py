"""The scheduling matrix of frames that are denoised one after the other."""

import torch
from torch import Tensor


def one_by_one(frames: int, context: int, timesteps: Tensor) -> Tensor:
    """Each frame takes all its steps in turn: [(frames - context) * steps + 1, frames]."""
    steps = len(timesteps) - 1
    row = torch.arange((frames - context) * steps + 1)[:, None]  # [rows, 1]
    taken = row - torch.arange(-context, frames - context) * steps  # [rows, frames]
    return timesteps[taken.clamp(0, steps)]
