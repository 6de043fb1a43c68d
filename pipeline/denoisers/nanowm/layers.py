"""Layers of NanoWM, with the reference's parameter names."""

import math
from collections.abc import Callable

import torch
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn import functional

Mix = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Queries, keys and values [B, heads, N, head] to attended values."""


class Embedder(nn.Module):
    """Two linear layers around a SiLU."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, hidden))

    def forward(self, x: Tensor) -> Tensor:
        return self.mlp(x)


class PatchEmbed(nn.Module):
    """Latents [B, C, h, w] to one token a patch, [B, P, D]."""

    def __init__(self, channels: int, hidden: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, hidden, patch, patch)

    def forward(self, x: Tensor) -> Tensor:
        return rearrange(self.proj(x), "b d h w -> b (h w) d")


class RMSNorm(nn.RMSNorm):
    """Root-mean-square norm in the precision of its input, as fused kernels need it."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.eps)


class Attention(nn.Module):
    """Multi-head attention with RMS-normed, rotated queries and keys."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(hidden, 3 * hidden)
        self.q_norm = RMSNorm(hidden // heads, eps=1e-6)
        self.k_norm = RMSNorm(hidden // heads, eps=1e-6)
        self.proj = nn.Linear(hidden, hidden)

    def forward(self, x: Tensor, rotation: Tensor, mix: Mix) -> Tensor:
        """Tokens [B, N, D]; rotation [2, N, head], cosines and sines; and how they are mixed."""
        q, k, v = rearrange(self.qkv(x), "b n (three h d) -> three b h n d", three=3, h=self.heads)
        q, k = rotate(self.q_norm(q), rotation), rotate(self.k_norm(k), rotation)
        return self.proj(rearrange(mix(q, k, v), "b h n d -> b n (h d)"))


class CrossAttention(nn.Module):
    """Multi-head attention of tokens to action embeddings, neither normed nor rotated."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(hidden, hidden)
        self.kv = nn.Linear(hidden, 2 * hidden)
        self.proj = nn.Linear(hidden, hidden)

    def forward(self, x: Tensor, context: Tensor, repeats: int, seen: Tensor | None) -> Tensor:
        """Tokens [B R, N, D], context [B, M, D] that R rows share, and who sees what [N, M]."""
        q = rearrange(self.q(x), "b n (h d) -> b h n d", h=self.heads)
        k, v = repeat(
            self.kv(context), "b m (two h d) -> two (b r) h m d", two=2, h=self.heads, r=repeats
        )
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return self.proj(rearrange(mixed, "b h n d -> b n (h d)"))


class SwiGLU(nn.Module):
    """Gated feed-forward layer of 4 x the width (Shazeer 2020), without biases."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(hidden, 4 * hidden, bias=False)
        self.w2 = nn.Linear(hidden, 4 * hidden, bias=False)
        self.w3 = nn.Linear(4 * hidden, hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.w3(functional.silu(self.w1(x)) * self.w2(x))


class FinalLayer(nn.Module):
    """Modulated projection of tokens to patches."""

    def __init__(self, hidden: int, outputs: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden, eps=1e-6, elementwise_affine=False)
        self.linear = nn.Linear(hidden, outputs)
        self.adaLN_modulation = modulation(hidden, 2)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Tokens [B, T, P, D] and condition [B, T, 1, D] to [B, T, P, outputs]."""
        shift, scale = self.adaLN_modulation(condition).chunk(2, -1)
        return self.linear(modulate(self.norm(x), shift, scale))


def modulation(hidden: int, parts: int) -> nn.Sequential:
    """From a condition to shifts, scales and gates."""
    return nn.Sequential(nn.SiLU(), nn.Linear(hidden, parts * hidden))


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Scale around one, then shift."""
    return x * (1 + scale) + shift


def sinusoids(level: Tensor, size: int = 256) -> Tensor:
    """Noise levels [...] to cosines then sines of geometric frequencies, [..., size]."""
    half = size // 2
    steps = torch.arange(half, dtype=torch.float32, device=level.device)
    angles = level[..., None].float() * torch.exp(-math.log(10000) * steps / half)
    return torch.cat([angles.cos(), angles.sin()], -1)


def rotary_1d(length: int, head: int) -> Tensor:
    """Cosines and sines [2, length, head] of rotary positions on a line (Su et al. 2021)."""
    return _pairs(_angles(torch.arange(length), head // 2))


def rotary_2d(grid: tuple[int, int], head: int) -> Tensor:
    """The same for a grid, [2, h w, head]: half the angles turn with the row, half the column."""
    rows, columns = torch.meshgrid(*(torch.arange(n) for n in grid), indexing="ij")
    halves = [_angles(axis.flatten(), head // 4) for axis in (rows, columns)]
    return _pairs(torch.cat(halves, -1))


def _angles(positions: Tensor, count: int) -> Tensor:
    frequencies = 10000 ** (-torch.arange(count, dtype=torch.float32) / count)
    return positions[:, None].float() * frequencies


def _pairs(angles: Tensor) -> Tensor:
    both = torch.cat([angles, angles], -1)
    return torch.stack([both.cos(), both.sin()])


def rotate(x: Tensor, rotation: Tensor) -> Tensor:
    """Turn features i and i + head / 2 of x [..., N, head] by their angle."""
    first, second = x.chunk(2, -1)
    return x * rotation[0] + torch.cat([-second, first], -1) * rotation[1]
