"""Noise levels of training clips: every frame its own (Chen et al. 2024), after a clean prefix."""

import torch
from torch import Tensor

CLEAN = -1
"""The level of a frame without noise; the network is told 0."""


def draw_levels(
    batch: int, frames: int, count: int, prefix: float, generator: torch.Generator
) -> Tensor:
    """Levels int64 [batch, frames]: uniform over 0..count - 1, or CLEAN.

    With probability `prefix` the first 1..frames - 1 frames of a clip are CLEAN: the context of
    inference, which independent levels hardly ever show to the network.
    """
    levels = torch.randint(count, (batch, frames), generator=generator)
    length = torch.randint(1, frames, (batch, 1), generator=generator)
    chosen = torch.rand((batch, 1), generator=generator) < prefix
    return levels.masked_fill(chosen & (torch.arange(frames) < length), CLEAN)
