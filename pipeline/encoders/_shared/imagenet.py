"""ImageNet normalisation of pixels."""

import torch
from torch import Tensor
from torch.nn import functional

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def normalise(frames: Tensor, size: int) -> Tensor:
    """Frames uint8 [B, 3, H, W] to float32 [B, 3, size, size], standardised per channel.

    As Nano World Models does, for equal latents, frames of another size are resized by bicubic
    interpolation without antialiasing or clamping, and the aspect ratio is not kept.
    """
    pixels = frames.float() / 255
    if pixels.shape[2:] != (size, size):
        pixels = functional.interpolate(pixels, (size, size), mode="bicubic", align_corners=False)
    mean, std = (
        torch.tensor(values, device=frames.device)[:, None, None] for values in (MEAN, STD)
    )
    return (pixels - mean) / std
