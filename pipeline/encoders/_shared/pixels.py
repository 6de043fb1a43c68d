"""Bytes of a frame and the numbers that networks are fed."""

import torch
from torch import Tensor


def scaled(frames: Tensor) -> Tensor:
    """Frames uint8 to float32 in -1..1."""
    return frames.float() / 127.5 - 1


def painted(pixels: Tensor) -> Tensor:
    """Pixels around -1..1 to the nearest frames uint8."""
    return ((pixels + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
