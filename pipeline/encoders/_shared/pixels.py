"""Conversion between frames of bytes and the pixels that networks take."""

import torch
from torch import Tensor

from pipeline.compute.parts import in_parts
from pipeline.encoders import Encoder


def to_float(frames: Tensor) -> Tensor:
    """Frames uint8 to float32 in -1..1."""
    return frames.float() / 127.5 - 1


def to_uint8(pixels: Tensor) -> Tensor:
    """Pixels float around -1..1 to uint8, rounded and clamped."""
    return ((pixels + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


class PixelDecoder(Encoder):
    """An encoder that decodes to pixels around -1..1, by `pixels`."""

    def pixels(self, latents: Tensor) -> Tensor:
        """Latents [B, C, h, w] to pixels float32 [B, 3, H, W] around -1..1."""
        raise NotImplementedError

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> Tensor:
        """Latents [B, C, h, w] to frames uint8 [B, 3, H, W]."""
        return in_parts(lambda part: to_uint8(self.pixels(part)), latents)

    @torch.inference_mode()
    def decode_float(self, latents: Tensor) -> Tensor:
        """Latents [B, C, h, w] to frames float32 [B, 3, H, W] in 0..1."""
        return in_parts(self._unit_pixels, latents)

    def _unit_pixels(self, latents: Tensor) -> Tensor:
        return (self.pixels(latents).float().clamp(-1, 1) + 1) / 2
