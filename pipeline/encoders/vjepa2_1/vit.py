"""V-JEPA 2.1's vision transformer, with the reference's parameter names.

github.com/facebookresearch/vjepa2, commit 204698b: the encoder of `vjepa2_1_vit_large_384` as it is
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
"""Rows and columns of positions: any picture's are stretched to those of 256 pixels."""
PUBLISHED_WIDTH = 1024


class Attention(nn.Module):
    """Multi-head attention with rotated queries and keys."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor, turns: Tensor) -> Tensor:
        q, k, v = rearrange(self.qkv(x), "b n (three h d) -> three b h n d", three=3, h=self.heads)
        mixed = functional.scaled_dot_product_attention(turned(q, turns), turned(k, turns), v)
        return self.proj(rearrange(mixed, "b h n d -> b n (h d)"))


class Block(nn.Module):
    """Attention and feed-forward, each on normed tokens [B, N, width] and added to them."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = norm(width), norm(width)
        self.attn = Attention(width, heads)
        fc1, fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.mlp = nn.Sequential(OrderedDict(fc1=fc1, gelu=nn.GELU(), fc2=fc2))

    def forward(self, x: Tensor, turns: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x), turns)
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    """Pictures or videos to one token a patch. The first norms are there, and not used."""

    def __init__(self, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.width, self.heads = width, heads
        self.img_mod_embed = nn.Parameter(torch.zeros(1, 1, width))
        self.video_mod_embed = nn.Parameter(torch.zeros(1, 1, width))
        self.patch_embed = tokeniser(width, TUBELET)
        self.patch_embed_img = tokeniser(width, 1)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norms_block = nn.ModuleList(norm(width) for _ in range(LEVELS))

    def forward(self, video: Tensor) -> Tensor:
        """Normalised float32 [B, 3, T, H, W] to tokens [B, N, width], by time, row and column.

        T is 1, a picture, or even; H and W are multiples of 16.
        """
        if video.shape[2] == 1:
            maps, modality = self.patch_embed_img(video), self.img_mod_embed
        else:
            maps, modality = self.patch_embed(video), self.video_mod_embed
        tokens = rearrange(maps, "b d t h w -> b (t h w) d") + modality
        turns = rotation(maps.shape[2:], self.width // self.heads).to(maps.device)
        for block in self.blocks:
            tokens = block(tokens, turns)
        return self.norms_block[-1](tokens)


def norm(width: int) -> nn.LayerNorm:
    return nn.LayerNorm(width, eps=1e-6)


def tokeniser(width: int, frames: int) -> nn.Sequential:
    size = (frames, PATCH, PATCH)
    return nn.Sequential(OrderedDict(proj=nn.Conv3d(3, width, size, stride=size)))


def rotation(grid: Sequence[int], head: int) -> Tensor:
    """Complex [N, head / 2] by which the tokens of a grid of times, rows and columns are turned.

    A third of the pairs of channels turns with each axis; the last few, if any, stand still.
    """
    frames, rows, columns = grid
    count = head // 6
    frequencies = 10000 ** (-torch.arange(count, dtype=torch.float32) / count)
    times = torch.arange(frames, dtype=torch.float32)
    ends = (torch.linspace(0, GRID - 1, side) for side in (rows, columns))
    positions = torch.stack(torch.meshgrid(times, *ends, indexing="ij"), -1).flatten(0, 2)
    angles = (positions[:, :, None] * frequencies).flatten(1)
    angles = functional.pad(angles, (0, head // 2 - 3 * count))
    return torch.polar(torch.ones_like(angles), angles)


def turned(x: Tensor, turns: Tensor) -> Tensor:
    """[..., N, head], its adjacent channels multiplied as complex numbers, in float32."""
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * turns).flatten(-2).to(x.dtype)


def loaded(state: Mapping[str, Tensor], heads: int, path: Path) -> VisionTransformer:
    """The network of a state dict, in inference mode; `path` is where an error says it was read.

    Raises:
        DataError: keys are missing or unexpected, or shapes differ.
    """
    # A file without the embedding, or with none in it, is refused below, whatever its width is.
    width = state["img_mod_embed"].numel() if "img_mod_embed" in state else 0
    numbers = [int(found[1]) for key in state if (found := re.match(r"blocks\.(\d+)\.", key))]
    # Levels are a quarter of the depth apart, so a file cut short is missed up to the next four.
    depth = -(-(max(numbers, default=0) + 1) // LEVELS) * LEVELS
    with torch.device("meta"):
        network = VisionTransformer(width or PUBLISHED_WIDTH, depth, heads)
    if wrong := differences(network.state_dict(), state, "unexpected"):
        raise DataError(f"{path}: is no image encoder of V-JEPA 2.1: {'; '.join(wrong)}")
    network.load_state_dict({key: value.float() for key, value in state.items()}, assign=True)
    return network.eval().requires_grad_(False)
