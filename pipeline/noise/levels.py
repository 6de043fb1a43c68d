"""Noise levels of training clips: every frame its own (Chen et al. 2024), after a clean prefix."""

import torch
from torch import Tensor

from pipeline.noise import Levels

CLEAN = -1
"""The level of a frame without noise; the network is told 0."""


def draw_levels(
    options: Levels, batch: int, frames: int, count: int, generator: torch.Generator
) -> Tensor:
    """Levels int64 [batch, frames]: 0..count - 1, or CLEAN.

    `logit_normal` is the sigmoid of a normal (Esser et al. 2024, sec. 3.1), which the published
    models were trained with; it hardly ever shows the levels next to clean and to pure noise. With
    probability `prefix` the first 1..frames - 1 frames of a clip are CLEAN: the context of
    inference, which independent levels hardly ever show to the network.
    """
    shape = (batch, frames if options.per == "frame" else 1)
    if options.distribution == "uniform":
        levels = torch.randint(count, shape, generator=generator)
    else:
        normal = torch.randn(shape, generator=generator) * options.std + options.mean
        levels = (normal.sigmoid() * count).long().clamp(max=count - 1)
    length = torch.randint(1, frames, (batch, 1), generator=generator)
    chosen = torch.rand((batch, 1), generator=generator) < options.prefix
    prefix = chosen & (torch.arange(frames) < length)
    return levels.expand(batch, frames).masked_fill(prefix, CLEAN)
