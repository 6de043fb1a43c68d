"""A small convolutional decoder: from any grid of features to the pixels of a frame."""

from math import gcd
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from pipeline.latents.channel_std import channel_std
from pipeline.params import Params

Widths = Annotated[list[Annotated[int, Field(gt=0, le=2**14)]], Field(min_length=1, max_length=16)]


class DecoderOptions(Params):
    """Size and training of the decoder."""

    channels: Widths = Field(description="from the latent grid upwards, doubled in between")
    steps: int = Field(gt=0)
    batch: int = Field(gt=0)
    learning_rate: float = Field(gt=0)


class Decoder(nn.Module):
    """Latents float32 [B, C, h, w] to pixels around -1..1, float32 [B, 3, H, W].

    Every width but the last is followed by a doubling of the resolution; what does not end at
    H x W is resized there, just before the last convolution, so that this one can sharpen it.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, inputs: int, channels: list[int], size: tuple[int, int]) -> None:
        """Take `inputs` channels C and end at `size` = (H, W)."""
        super().__init__()
        self.inputs, self.channels, self.size = inputs, channels, size
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("std", torch.ones(inputs))
        self.project = nn.Conv2d(inputs, channels[0], 1)
        before = [channels[0], *channels]
        self.blocks = nn.ModuleList(
            nn.Sequential(*layer(a, b), *layer(b, b))
            for a, b in zip(before, channels, strict=False)
        )
        self.output = nn.Conv2d(channels[-1], 3, 3, padding=1)

    @torch.no_grad()
    def set_statistics(self, latents: Tensor) -> None:
        """Set mean and std per channel from latents [B, C, h, w], which `forward` whitens by."""
        variance, mean = torch.var_mean(latents.double(), (0, 2, 3), correction=0)
        self.mean.copy_(mean)
        squares = variance + mean.square()
        std = channel_std(variance.cpu().numpy(), squares.cpu().numpy())
        self.std.copy_(torch.from_numpy(std))

    def forward(self, latents: Tensor) -> Tensor:
        """Latents float32 [B, C, h, w] to pixels around -1..1, float32 [B, 3, H, W]."""
        x = self.project((latents - self.mean[:, None, None]) / self.std[:, None, None])
        for level, block in enumerate(self.blocks):
            if level:
                x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = block(x)
        if x.shape[2:] != self.size:
            x = functional.interpolate(x, self.size, mode="bilinear", antialias=True)
        return self.output(x)


def layer(
    inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1
) -> tuple[nn.Module, nn.Module, nn.Module]:
    """A convolution of 3 x 3, normalised in groups, and SiLU."""
    convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=dilation, dilation=dilation)
    return convolution, nn.GroupNorm(gcd(8, outputs), outputs), nn.SiLU()
