"""Noise levels of training clips: independent per frame (Chen et al. 2024, algorithm 1)."""

import torch
from torch import Tensor

from pipeline.noise import Levels

CLEAN = -1
"""Level of a frame without noise; the network is conditioned on 0 instead."""


def draw_levels(
    options: Levels, batch: int, frames: int, count: int, generator: torch.Generator
) -> Tensor:
    """Levels int64 [batch, frames]: 0..count - 1, or CLEAN.

    `logit_normal` is the sigmoid of a normal (Esser et al. 2024, sec. 3.1), which the published
    models were trained with; it hardly ever draws levels next to clean or to pure noise. With
    probability `prefix` the first 1..frames - 1 frames of a clip are CLEAN: the context of
    inference, which independent levels hardly ever produce.
    """
    shape = (batch, frames if options.per == "frame" else 1)
    if options.distribution == "uniform":
        levels = torch.randint(count, shape, generator=generator)
    else:
        normal = torch.randn(shape, generator=generator) * options.std + options.mean
        levels = (normal.sigmoid() * count).long().clamp(max=count - 1)
    # Drawn even without prefixes, so that `prefix` does not change the levels of a seed.
    length = torch.randint(1, frames, (batch, 1), generator=generator)
    has_prefix = torch.rand((batch, 1), generator=generator) < options.prefix
    prefix = has_prefix & (torch.arange(frames) < length)  # [batch, frames]
    return levels.expand(batch, frames).masked_fill(prefix, CLEAN)
