"""A small pre-norm vision transformer (Dosovitskiy et al. 2021) with fixed 2-D positions."""

import torch
from einops import rearrange
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from pipeline.errors import ParamsError
from pipeline.params import Params


class Architecture(Params):
    """Size of the transformer; base of the Options of every encoder that trains one."""

    patch: int = Field(gt=0, le=2**14, description="side of a patch in pixels: one token each")
    width: int = Field(gt=0, le=2**16, multiple_of=4, description="features of a token")
    depth: int = Field(gt=0, le=1000, description="blocks")
    heads: int = Field(gt=0)

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> "Architecture":
        if self.width % self.heads:
            raise ValueError(f"heads = {self.heads} must divide width = {self.width}")
        return self

    def grid(self, height: int, width: int, place: str) -> tuple[int, int]:
        """Rows and columns of patches of frames of this size in pixels.

        Raises:
            ParamsError: the patches do not tile the frames; `place` is the block of params.yaml.
        """
        if height % self.patch or width % self.patch:
            raise ParamsError(
                f"{place}.patch = {self.patch} does not divide frames of {height} x {width}; "
                "choose a divisor of both"
            )
        return height // self.patch, width // self.patch


class Block(nn.Module):
    """Pre-norm transformer block on tokens [B, N, width]."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        qkv = self.qkv(self.attention_norm(x))
        q, k, v = rearrange(qkv, "b n (three h d) -> three b h n d", three=3, h=self.heads)
        mixed = functional.scaled_dot_product_attention(q, k, v)
        x = x + self.project(rearrange(mixed, "b h n d -> b n (h d)"))
        return x + self.mlp(self.mlp_norm(x))


class TinyVit(nn.Module):
    """Pixels to one token per patch, in row-major order."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.patch = architecture.patch
        width = architecture.width
        self.embed = nn.Linear(3 * self.patch**2, width)
        self.blocks = nn.Sequential(
            *(Block(width, architecture.heads) for _ in range(architecture.depth))
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, pixels: Tensor, keep: Tensor | None = None) -> Tensor:
        """Pixels in -1..1 [B, 3, H, W] to tokens [B, P, width].

        `keep` [B, K] holds indices of the visible patches; then tokens are [B, K, width] in that
        order, and do not depend on the other patches.
        """
        patches = rearrange(pixels, "b c (h p) (w q) -> b h w (c p q)", p=self.patch, q=self.patch)
        rows, columns = patches.shape[1:3]
        tokens = self.embed(patches.flatten(1, 2))
        tokens = tokens + sincos_positions((rows, columns), tokens.shape[-1]).to(tokens.device)
        if keep is not None:
            tokens = gather_tokens(tokens, keep)
        return self.norm(self.blocks(tokens))


def sincos_positions(grid: tuple[int, int], width: int) -> Tensor:
    """Fixed 2-D sine-cosine position embedding [h w, width] (He et al. 2022)."""
    axes = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in grid), indexing="ij")
    count = width // 4
    frequencies = 10000 ** (-torch.arange(count, dtype=torch.float32) / count)
    angles = [axis.flatten()[:, None] * frequencies for axis in axes]
    return torch.cat([f(angle) for angle in angles for f in (torch.sin, torch.cos)], -1)


def gather_tokens(tokens: Tensor, indices: Tensor) -> Tensor:
    """Those of tokens [B, P, D] with `indices` [B, K], as [B, K, D]."""
    return tokens.gather(1, indices[..., None].expand(-1, -1, tokens.shape[-1]))
