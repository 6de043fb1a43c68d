"""Conversion between frames of bytes and the pixels that networks take."""

import torch
from torch import Tensor


def to_float(frames: Tensor) -> Tensor:
    """Frames uint8 to float32 in -1..1."""
    return frames.float() / 127.5 - 1


def to_uint8(pixels: Tensor) -> Tensor:
    """Pixels float around -1..1 to uint8, rounded and clamped."""
    return ((pixels + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
