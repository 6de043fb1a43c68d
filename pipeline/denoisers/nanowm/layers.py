"""Layers of NanoWM, with the reference's parameter names."""

import math
from collections.abc import Callable

import torch
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn import functional

AttentionFn = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Queries, keys and values [B, heads, N, head_dim] to attended values of that shape."""


class Embedder(nn.Module):
    """MLP of two layers with a SiLU between them, [..., inputs] to [..., D]."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, hidden))

    def forward(self, x: Tensor) -> Tensor:
        return self.mlp(x)


class PatchEmbed(nn.Module):
    """Latents [B, C, h, w] to one token per patch, [B, P, D] (ViT; Dosovitskiy et al. 2021)."""

    def __init__(self, channels: int, hidden: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, hidden, patch, patch)

    def forward(self, x: Tensor) -> Tensor:
        return rearrange(self.proj(x), "b d h w -> b (h w) d")


class RMSNorm(nn.RMSNorm):
    """Root-mean-square norm in the dtype of its input, as fused kernels need it."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.eps)


class Attention(nn.Module):
    """Multi-head self-attention with QK-norm (Henry et al. 2020) and RoPE (Su et al. 2021).

    Attributes:
        branch_proj: projects what a second branch attended to by the same queries, keys and values;
            None without one. It starts at zero, so that the branch has no effect at first.
    """

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(hidden, 3 * hidden)
        self.q_norm = RMSNorm(hidden // heads, eps=1e-6)
        self.k_norm = RMSNorm(hidden // heads, eps=1e-6)
        self.proj = nn.Linear(hidden, hidden)
        self.branch_proj: nn.Linear | None = None

    def add_branch(self, hidden: int) -> None:
        """Project a second branch too, to zeros."""
        self.branch_proj = nn.Linear(hidden, hidden)
        nn.init.zeros_(self.branch_proj.weight)
        nn.init.zeros_(self.branch_proj.bias)

    def forward(
        self, x: Tensor, rope: Tensor, attend: AttentionFn, branch: AttentionFn | None = None
    ) -> Tensor:
        """Tokens [B, N, D], with cosines and sines [2, N, head_dim], to tokens [B, N, D].

        The second branch is handed queries and keys without RoPE.
        """
        # 3 of [B, heads, N, head_dim]
        q, k, v = rearrange(self.qkv(x), "b n (three h d) -> three b h n d", three=3, h=self.heads)
        q, k = self.q_norm(q), self.k_norm(k)
        attended = attend(apply_rope(q, rope), apply_rope(k, rope), v)
        projected = self.proj(rearrange(attended, "b h n d -> b n (h d)"))  # [B, N, D]
        if branch is None:
            return projected
        assert self.branch_proj is not None
        return projected + self.branch_proj(rearrange(branch(q, k, v), "b h n d -> b n (h d)"))


class CrossAttention(nn.Module):
    """Multi-head attention from tokens to action embeddings, without QK-norm and RoPE."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(hidden, hidden)
        self.kv = nn.Linear(hidden, 2 * hidden)
        self.proj = nn.Linear(hidden, hidden)

    def forward(self, x: Tensor, context: Tensor, repeats: int, mask: Tensor | None) -> Tensor:
        """Attend from tokens [B R, N, D] to a context [B, M, D] that R rows share, [B R, N, D].

        `mask` bool [N, M] is True where a token may attend; None for everywhere.
        """
        q = rearrange(self.q(x), "b n (h d) -> b h n d", h=self.heads)  # [B R, heads, N, head_dim]
        # Projected once per clip, then repeated for its R rows: 2 of [B R, heads, M, head_dim]
        k, v = repeat(
            self.kv(context), "b m (two h d) -> two (b r) h m d", two=2, h=self.heads, r=repeats
        )
        attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.proj(rearrange(attended, "b h n d -> b n (h d)"))


class SwiGLU(nn.Module):
    """Gated feed-forward layer of 4 x the width (Shazeer 2020, eq. 6), without biases."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(hidden, 4 * hidden, bias=False)
        self.w2 = nn.Linear(hidden, 4 * hidden, bias=False)
        self.w3 = nn.Linear(4 * hidden, hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.w3(functional.silu(self.w1(x)) * self.w2(x))


class FinalLayer(nn.Module):
    """Modulated projection of tokens to patches (DiT's final layer)."""

    def __init__(self, hidden: int, outputs: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden, eps=1e-6, elementwise_affine=False)
        self.linear = nn.Linear(hidden, outputs)
        self.adaLN_modulation = modulation(hidden, 2)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Tokens [B, T, P, D] and condition [B, T, 1, D] to [B, T, P, outputs]."""
        shift, scale = self.adaLN_modulation(condition).chunk(2, -1)  # [B, T, 1, D] each
        return self.linear(modulate(self.norm(x), shift, scale))


def modulation(hidden: int, parts: int) -> nn.Sequential:
    """DiT's adaLN head: a condition [..., D] to shifts, scales and gates [..., parts D]."""
    return nn.Sequential(nn.SiLU(), nn.Linear(hidden, parts * hidden))


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Scale around one, then shift (DiT, `modulate`); all broadcast to [B, T, P, D]."""
    return x * (1 + scale) + shift


def timestep_embedding(level: Tensor, size: int = 256) -> Tensor:
    """Sinusoidal embedding of levels [...], cosines then sines, [..., size] (DiT)."""
    half = size // 2
    steps = torch.arange(half, dtype=torch.float32, device=level.device)  # [size / 2]
    # Frequencies 10000^(-i / half), as in Vaswani et al. 2017, sec. 3.5.
    angles = level[..., None].float() * torch.exp(-math.log(10000) * steps / half)
    return torch.cat([angles.cos(), angles.sin()], -1)  # [..., size]


def rope_1d(length: int, head_dim: int) -> Tensor:
    """Cosines and sines [2, length, head_dim] of rotary positions on a line (Su et al. 2021)."""
    return _cos_sin(_angles(_positions(length), head_dim // 2))


def rope_2d(grid: tuple[int, int], head_dim: int) -> Tensor:
    """Cosines and sines [2, h w, head_dim] on a grid: half the angles by row, half by column."""
    rows, columns = torch.meshgrid(*map(_positions, grid), indexing="ij")  # [h, w] each
    halves = [_angles(axis.flatten(), head_dim // 4) for axis in (rows, columns)]
    return _cos_sin(torch.cat(halves, -1))


def _positions(count: int) -> Tensor:
    """0..count - 1, on the CPU: angles on the meta device would import torch.compile."""
    return torch.arange(count, device="cpu")


def _angles(positions: Tensor, count: int) -> Tensor:
    """Angles [N, count]: positions [N] times frequencies 10000^(-i / count)."""
    frequencies = 10000 ** (-_positions(count).float() / count)
    return positions[:, None].float() * frequencies


def _cos_sin(angles: Tensor) -> Tensor:
    """Angles [N, head_dim / 2] to cosines and sines [2, N, head_dim], in both halves."""
    both = torch.cat([angles, angles], -1)
    return torch.stack([both.cos(), both.sin()]).to(torch.get_default_device())


def apply_rope(x: Tensor, rope: Tensor) -> Tensor:
    """Rotate features i and i + head_dim / 2 of x [..., N, head_dim] by their angle."""
    first, second = x.chunk(2, -1)
    return x * rope[0] + torch.cat([-second, first], -1) * rope[1]
