"""Which pixels count, so that a thing of few pixels is worth a keypoint."""

import torch
from torch import Tensor

LEVELS = 4
"""Levels of each colour channel; a colour is one of their 64 combinations."""


def colour_weights(frames: Tensor, rarity: float) -> Tensor:
    """Weights [64] of the colours of frames uint8 [N, 3, H, W]: their share to minus `rarity`.

    Their mean over the pixels of the frames is 1. A colour is taken to fill a pixel of every frame
    at least, so that no weight is without bound.
    """
    counts = torch.zeros(LEVELS**3, dtype=torch.int64)
    for batch in frames.split(256):
        counts += torch.bincount(_colours(batch).flatten(), minlength=LEVELS**3)
    shares = (counts + len(frames)).double() / counts.sum()
    weights = shares.pow(-rarity)
    return (weights / (weights * counts).sum() * counts.sum()).float()


def weigh(frames: Tensor, change: Tensor, weights: Tensor, moving: float) -> Tensor:
    """Weights [B, 1, H, W] of the pixels of frames uint8 [B, 3, H, W].

    Args:
        frames: what is seen.
        change: pixels less the mean picture, [B, 3, H, W], of which the largest channel counts,
            up to 1.
        weights: of the colours.
        moving: weight of a changed pixel beside that of a background pixel, less 1.
    """
    size = change.abs().amax(1, keepdim=True).clamp(max=1)
    return weights[_colours(frames)][:, None] * (1 + moving * size)


def _colours(frames: Tensor) -> Tensor:
    """Numbers 0..63 of the colours of frames uint8 [B, 3, H, W], int64 [B, H, W]."""
    levels = frames.long() * LEVELS // 256
    return (levels[:, 0] * LEVELS + levels[:, 1]) * LEVELS + levels[:, 2]
