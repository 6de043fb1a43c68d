"""Functions of many frames, a few frames at a time."""

from collections.abc import Callable

import torch
from torch import Tensor

AT_ONCE = 16
"""Frames: at full resolution activations take far more memory than what they are computed of, and
more frames at once are no faster."""


def in_parts(function: Callable[..., Tensor], *frames: Tensor) -> Tensor:
    """`function` of tensors [N, ...], whose rows do not depend on each other: [N, ...]."""
    parts = zip(*(each.split(AT_ONCE) for each in frames), strict=True)
    return torch.cat([function(*part) for part in parts])
