"""Pixels as networks that were trained on ImageNet statistics expect them."""

import torch
from torch import Tensor
from torch.nn import functional

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def normalised(frames: Tensor, size: int) -> Tensor:
    """Frames uint8 [B, 3, H, W] to float32 [B, 3, size, size], normalised by channel.

    Nano World Models resizes frames of another size by bicubic interpolation without antialiasing
    and without clamping, and does not keep the aspect ratio; so do we, for equal latents.
    """
    pixels = frames.float() / 255
    if pixels.shape[2:] != (size, size):
        pixels = functional.interpolate(pixels, (size, size), mode="bicubic", align_corners=False)
    mean, std = (
        torch.tensor(values, device=frames.device)[:, None, None] for values in (MEAN, STD)
    )
    return (pixels - mean) / std
