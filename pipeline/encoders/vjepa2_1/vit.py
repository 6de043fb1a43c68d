"""V-JEPA 2.1's vision transformer, with the reference's parameter names.

github.com/facebookresearch/vjepa2, commit 204698b: the encoder of `vjepa2_1_vit_large_384` as
called by default, which returns the last level alone.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from pipeline.errors import DataError
from pipeline.weights.state_dict import differences

PATCH = 16
TUBELET = 2
LEVELS = 4
"""Depths at which the reference can read features out, each with a norm, a quarter apart."""
GRID = 16
"""Rows and columns of positions: grids of other sizes are interpolated to that of 256 pixels."""
PUBLISHED_WIDTH = 1024


class Attention(nn.Module):
    """Multi-head attention with rotary position embedding (RoPE)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor, rope: Tensor) -> Tensor:
        q, k, v = rearrange(self.qkv(x), "b n (three h d) -> three b h n d", three=3, h=self.heads)
        mixed = functional.scaled_dot_product_attention(rotate(q, rope), rotate(k, rope), v)
        return self.proj(rearrange(mixed, "b h n d -> b n (h d)"))


class Block(nn.Module):
    """Pre-norm transformer block on tokens [B, N, width]."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = norm(width), norm(width)
        self.attn = Attention(width, heads)
        fc1, fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.mlp = nn.Sequential(OrderedDict(fc1=fc1, gelu=nn.GELU(), fc2=fc2))

    def forward(self, x: Tensor, rope: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x), rope)
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    """Images or videos to one token per patch; only the last of the norms is used."""

    def __init__(self, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.width, self.heads = width, heads
        self.img_mod_embed = nn.Parameter(torch.zeros(1, 1, width))
        self.video_mod_embed = nn.Parameter(torch.zeros(1, 1, width))
        self.patch_embed = patch_embedding(width, TUBELET)
        self.patch_embed_img = patch_embedding(width, 1)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norms_block = nn.ModuleList(norm(width) for _ in range(LEVELS))

    def forward(self, video: Tensor) -> Tensor:
        """Normalised float32 [B, 3, T, H, W] to tokens [B, N, width], by time, row and column.

        T is 1 for an image, else even; H and W are multiples of 16.
        """
        if video.shape[2] == 1:
            maps, modality = self.patch_embed_img(video), self.img_mod_embed
        else:
            maps, modality = self.patch_embed(video), self.video_mod_embed
        tokens = rearrange(maps, "b d t h w -> b (t h w) d") + modality
        rope = rotary_embedding(maps.shape[2:], self.width // self.heads).to(maps.device)
        for block in self.blocks:
            tokens = block(tokens, rope)
        return self.norms_block[-1](tokens)


def norm(width: int) -> nn.LayerNorm:
    return nn.LayerNorm(width, eps=1e-6)


def patch_embedding(width: int, frames: int) -> nn.Sequential:
    size = (frames, PATCH, PATCH)
    return nn.Sequential(OrderedDict(proj=nn.Conv3d(3, width, size, stride=size)))


def rotary_embedding(grid: Sequence[int], head: int) -> Tensor:
    """Rotations complex [N, head / 2] of the tokens of a grid of times, rows and columns.

    A third of the pairs of channels encodes each axis; the last few, if any, are not rotated.
    """
    frames, rows, columns = grid
    count = head // 6
    frequencies = 10000 ** (-torch.arange(count, dtype=torch.float32) / count)
    times = torch.arange(frames, dtype=torch.float32)
    axes = (torch.linspace(0, GRID - 1, side) for side in (rows, columns))
    positions = torch.stack(torch.meshgrid(times, *axes, indexing="ij"), -1).flatten(0, 2)
    angles = (positions[:, :, None] * frequencies).flatten(1)
    angles = functional.pad(angles, (0, head // 2 - 3 * count))
    return torch.polar(torch.ones_like(angles), angles)


def rotate(x: Tensor, rope: Tensor) -> Tensor:
    """Rotate pairs of adjacent channels of x [..., N, head] as complex numbers, in float32."""
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * rope).flatten(-2).to(x.dtype)


def load_network(state: Mapping[str, Tensor], heads: int, path: Path) -> VisionTransformer:
    """The network of a state dict, in inference mode; `path` is the file that errors name.

    Raises:
        DataError: keys are missing or unexpected, or shapes differ.
    """
    # A file without the embedding is refused below, whatever its width.
    width = state["img_mod_embed"].numel() if "img_mod_embed" in state else 0
    numbers = [int(match[1]) for key in state if (match := re.match(r"blocks\.(\d{1,9})\.", key))]
    # Depth is a multiple of four, so of a truncated file, keys up to the next multiple are missing.
    depth = -(-(max(numbers, default=0) + 1) // LEVELS) * LEVELS
    if depth > len(state):
        raise DataError(f"{path}: is no image encoder of V-JEPA 2.1: block {depth - 1} of {depth}")
    with torch.device("meta"):
        network = VisionTransformer(width or PUBLISHED_WIDTH, depth, heads)
    if wrong := differences(network.state_dict(), state, "unexpected"):
        raise DataError(f"{path}: is no image encoder of V-JEPA 2.1: {'; '.join(wrong)}")
    network.load_state_dict({key: value.float() for key, value in state.items()}, assign=True)
    return network.eval().requires_grad_(False)
