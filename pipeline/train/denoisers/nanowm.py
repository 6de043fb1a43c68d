"""NanoWM: a space-time transformer whose blocks attend in space and causally in time by turns.

Nano World Models (arXiv 2605.23993), with its parameter names. A block is DiT's (Peebles & Xie
2023) with adaLN-Zero on each frame's noise level, SwiGLU, RMS-normed queries and keys, and rotary
positions; the embedded action, shifted by one frame, is added before every block.
"""

import math

import torch
from einops import rearrange
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from pipeline.errors import ParamsError
from pipeline.params import Params
from pipeline.train.denoisers import Denoiser
from pipeline.train.denoisers._layers import (
    Attention,
    Block,
    Embedder,
    FinalLayer,
    PatchEmbed,
    rotary_1d,
    rotary_2d,
    sinusoids,
)
from pipeline.train.size import Size


class Options(Params):
    """Width and depth of the transformer."""

    patch: int = Field(gt=0, description="side of a patch in latent cells")
    width: int = Field(gt=0)
    depth: int = Field(gt=0, multiple_of=2, description="blocks, spatial and temporal by turns")
    heads: int = Field(gt=0)
    causal: bool


def build(options: Options, size: Size) -> "NanoWM":
    """The network for latents and actions of this size, freshly initialised."""
    place = "denoisers.nanowm"
    if options.width % (4 * options.heads):
        raise ParamsError(
            f"{place}.width = {options.width} must be a multiple of 4 x heads = {4 * options.heads}"
        )
    _, height, width = size.latent_shape
    if height % options.patch or width % options.patch:
        raise ParamsError(
            f"{place}.patch = {options.patch} does not divide latents of {height} x {width}; "
            "choose a divisor of both"
        )
    return NanoWM(options, size)


class NanoWM(Denoiser):
    """See `pipeline.train.denoisers.Denoiser`."""

    space: Tensor
    time: Tensor

    def __init__(self, options: Options, size: Size) -> None:
        """Build all layers; adaLN-Zero makes every block the identity at first."""
        super().__init__()
        channels, height, width = size.latent_shape
        hidden, patch = options.width, options.patch
        self.causal, self.patch, self.frames = options.causal, patch, size.frames
        self.grid = (height // patch, width // patch)
        self.pos_embed = nn.Parameter(torch.zeros(1, math.prod(self.grid), hidden))
        self.temp_embed = nn.Parameter(torch.zeros(1, size.frames, hidden))
        self.action_embedder = Embedder(size.action_dim, hidden)
        self.x_embedder = PatchEmbed(channels, hidden, patch)
        self.t_embedder = Embedder(256, hidden)
        head = hidden // options.heads
        self.blocks = nn.ModuleList(Block(hidden, options.heads) for _ in range(options.depth))
        self.final_layer = FinalLayer(hidden, patch * patch * channels)
        self.register_buffer("space", rotary_2d(self.grid, head), persistent=False)
        self.register_buffer("time", rotary_1d(size.frames, head), persistent=False)
        self._initialise()

    def forward(self, noisy: Tensor, level: Tensor, actions: Tensor) -> Tensor:
        """See `Denoiser.forward`."""
        batch, frames = level.shape
        x = self.x_embedder(rearrange(noisy, "b t c h w -> (b t) c h w")) + self.pos_embed
        x = rearrange(x, "(b t) p d -> b t p d", b=batch)
        condition = functional.silu(self.t_embedder(sinusoids(level)))
        action = self._shifted(actions)
        for index, block in enumerate(self.blocks):
            if index == 1:
                x = x + self.temp_embed[:, :frames, None]
            x = x + action
            x = block(x, condition, self._attend_in_time if index % 2 else self._attend_in_space)
        height, width = self.grid
        return rearrange(
            self.final_layer(x, condition),
            "b t (h w) (p q c) -> b t c (h p) (w q)",
            h=height,
            w=width,
            p=self.patch,
            q=self.patch,
        )

    def _shifted(self, actions: Tensor) -> Tensor:
        """Embeddings [B, T, 1, D]; frame i is told action i - 1, the first frame nothing."""
        embedded = self.action_embedder(actions[:, :-1])
        return functional.pad(embedded, (0, 0, 1, 0))[:, :, None]

    def _attend_in_space(self, attention: Attention, x: Tensor) -> Tensor:
        rows = rearrange(x, "b t p d -> (b t) p d")
        return attention(rows, self.space, causal=False).view_as(x)

    def _attend_in_time(self, attention: Attention, x: Tensor) -> Tensor:
        batch, frames = x.shape[:2]
        rows = attention(
            rearrange(x, "b t p d -> (b p) t d"), self.time[:, :frames], causal=self.causal
        )
        return rearrange(rows, "(b p) t d -> b t p d", b=batch)

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
        nn.init.xavier_uniform_(self.x_embedder.proj.weight.flatten(1))
        for position in (self.pos_embed, self.temp_embed):
            nn.init.normal_(position, std=0.02)
        for name, weight in self.named_parameters():
            if name.endswith(".bias"):
                nn.init.zeros_(weight)
            elif name.startswith("t_embedder"):
                nn.init.normal_(weight, std=0.02)
            elif "adaLN_modulation" in name:
                nn.init.zeros_(weight)
        nn.init.zeros_(self.final_layer.linear.weight)
