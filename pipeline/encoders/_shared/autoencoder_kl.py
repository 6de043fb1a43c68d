"""The KL autoencoder of latent diffusion (Rombach et al. 2022), with diffusers' names of weights.

Numbers are those of diffusers' AutoencoderKL, whose import takes longer than torch's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

EPS = 1e-6
LOG_VARIANCE = (-30.0, 20.0)
"""Bounds of the posterior's log variance."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """Sizes of the network.

    Attributes:
        channels: of each resolution, from full size down by halves.
        layers: residual blocks of each resolution of the encoder; the decoder has one more.
        latent_channels: C of the latents.
        groups: of all group norms.
    """

    channels: tuple[int, ...]
    layers: int
    latent_channels: int
    groups: int


class Gaussian(NamedTuple):
    """A posterior over latents: mean and log variance, both [B, C, h, w]."""

    mean: Tensor
    log_variance: Tensor

    @property
    def std(self) -> Tensor:
        """Standard deviation [B, C, h, w]."""
        return torch.exp(0.5 * self.log_variance)

    def kl(self) -> Tensor:
        """Divergence [B] from the standard normal, in nats."""
        variance = torch.exp(self.log_variance)
        parts = torch.pow(self.mean, 2) + variance - 1.0 - self.log_variance
        return 0.5 * torch.sum(parts, dim=[1, 2, 3])


class AutoencoderKl(nn.Module):
    """Frames [B, 3, H, W] around -1..1 to a posterior over latents, and latents back to frames."""

    def __init__(self, architecture: Architecture) -> None:
        """Initialise from torch's global generator, in diffusers' order of draws."""
        super().__init__()
        latent = architecture.latent_channels
        self.architecture = architecture
        self.encoder = _Encoder(architecture)
        self.decoder = _Decoder(architecture)
        self.quant_conv = nn.Conv2d(2 * latent, 2 * latent, 1)
        self.post_quant_conv = nn.Conv2d(latent, latent, 1)

    def encode(self, frames: Tensor) -> Gaussian:
        """Frames [B, 3, H, W] around -1..1 to their posterior [B, C, h, w]."""
        mean, log_variance = self.quant_conv(self.encoder(frames)).chunk(2, dim=1)
        return Gaussian(mean, log_variance.clamp(*LOG_VARIANCE))

    def decode(self, latents: Tensor) -> Tensor:
        """Latents [B, C, h, w] to frames [B, 3, H, W] around -1..1."""
        frames: Tensor = self.decoder(self.post_quant_conv(latents))
        return frames


class _Encoder(nn.Module):
    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        channels, groups = architecture.channels, architecture.groups
        self.conv_in = nn.Conv2d(3, channels[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(
            _Level(into, out, architecture.layers, groups, None if last else "down")
            for into, out, last in _levels(channels)
        )
        self.mid_block = _Middle(channels[-1], groups)
        self.conv_norm_out = nn.GroupNorm(groups, channels[-1], EPS)
        self.conv_out = nn.Conv2d(channels[-1], 2 * architecture.latent_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for level in self.down_blocks:
            x = level(x)
        x = self.conv_norm_out(self.mid_block(x))
        out: Tensor = self.conv_out(functional.silu(x))
        return out


class _Decoder(nn.Module):
    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        channels, groups = architecture.channels[::-1], architecture.groups
        self.conv_in = nn.Conv2d(architecture.latent_channels, channels[0], 3, padding=1)
        # Registered before the middle, which is built first: diffusers' order of weights and draws.
        self.up_blocks = nn.ModuleList()
        self.mid_block = _Middle(channels[0], groups)
        self.up_blocks.extend(
            _Level(into, out, architecture.layers + 1, groups, None if last else "up")
            for into, out, last in _levels(channels)
        )
        self.conv_norm_out = nn.GroupNorm(groups, channels[-1], EPS)
        self.conv_out = nn.Conv2d(channels[-1], 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mid_block(self.conv_in(x))
        for level in self.up_blocks:
            x = level(x)
        out: Tensor = self.conv_out(functional.silu(self.conv_norm_out(x)))
        return out


def _levels(channels: tuple[int, ...]) -> Iterator[tuple[int, int, bool]]:
    """Channels into and out of each resolution, and whether it is the last."""
    for number, out in enumerate(channels):
        yield channels[max(number - 1, 0)], out, number == len(channels) - 1


class _Level(nn.Module):
    """The residual blocks of one resolution, and how the next one is reached."""

    def __init__(
        self, into: int, out: int, layers: int, groups: int, to: Literal["down", "up"] | None
    ) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(
            _Residual(out if layer else into, out, groups) for layer in range(layers)
        )
        self.downsamplers = nn.ModuleList([_Halve(out)] if to == "down" else [])
        self.upsamplers = nn.ModuleList([_Double(out)] if to == "up" else [])

    def forward(self, x: Tensor) -> Tensor:
        for module in (*self.resnets, *self.downsamplers, *self.upsamplers):
            x = module(x)
        return x


class _Middle(nn.Module):
    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        first = _Residual(width, width, groups)
        self.attentions = nn.ModuleList([_Attention(width, groups)])
        self.resnets = nn.ModuleList([first, _Residual(width, width, groups)])

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.resnets[1](self.attentions[0](self.resnets[0](x)))
        return out


class _Residual(nn.Module):
    def __init__(self, into: int, out: int, groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, into, EPS)
        self.conv1 = nn.Conv2d(into, out, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, out, EPS)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        self.conv_shortcut = None if into == out else nn.Conv2d(into, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(functional.silu(self.norm1(x)))
        h = self.conv2(functional.silu(self.norm2(h)))
        if (
            self.conv_shortcut is not None
        ):  # contiguous in training, as in diffusers: same gradients
            x = self.conv_shortcut(x.contiguous() if self.training else x)
        out: Tensor = x + h
        return out


class _Attention(nn.Module):
    """Attention of one head between all positions of a frame."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, width, EPS)
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.group_norm(x.flatten(2)).transpose(1, 2)  # [B, h w, C]
        query, key, value = (
            project(tokens).unsqueeze(1) for project in (self.to_q, self.to_k, self.to_v)
        )
        mixed = functional.scaled_dot_product_attention(query, key, value).squeeze(1)
        out: Tensor = self.to_out[0](mixed).transpose(1, 2).unflatten(2, x.shape[2:]) + x
        return out


class _Halve(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(functional.pad(x, (0, 1, 0, 1)))
        return out


class _Double(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(functional.interpolate(x, scale_factor=2.0, mode="nearest"))
        return out
