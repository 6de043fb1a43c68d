"""NanoWM: a space-time transformer whose blocks attend in space and causally in time by turns.

Nano World Models (arXiv 2605.23993), with its parameter names. A block is DiT's (Peebles & Xie
2023) with adaLN-Zero on each frame's noise level, SwiGLU, RMS-normed queries and keys, and rotary
positions; the embedded action, shifted by one frame, enters each block.
"""

import math
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Literal

import torch
from einops import rearrange
from pydantic import BeforeValidator, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from pipeline.denoisers import Denoiser, KVCache, Size
from pipeline.denoisers.nanowm.axes import Actions, Space, Time, seen_by
from pipeline.denoisers.nanowm.blocks import BLOCKS
from pipeline.denoisers.nanowm.layers import (
    Embedder,
    FinalLayer,
    PatchEmbed,
    rotary_1d,
    rotary_2d,
    sinusoids,
)
from pipeline.errors import ParamsError, did_you_mean
from pipeline.params import Params


class Shape(Params):
    """Width and depth of the transformer."""

    width: int = Field(gt=0)
    depth: int = Field(gt=0, multiple_of=2, description="blocks, spatial and temporal by turns")
    heads: int = Field(gt=0)

    @model_validator(mode="after")
    def _divisible(self) -> "Shape":
        if self.width % (4 * self.heads):
            raise ValueError(f"width must be a multiple of 4 x heads = {4 * self.heads}")
        return self


SIZES = {
    "nano": Shape(width=96, depth=4, heads=4),
    "S": Shape(width=384, depth=12, heads=6),
    "B": Shape(width=768, depth=12, heads=12),
    "L": Shape(width=1024, depth=24, heads=16),
    "XL": Shape(width=1152, depth=28, heads=16),
}
"""S, B, L and XL are those of DiT (Peebles & Xie 2023, table 1); nano learns on a laptop."""


def _named(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value not in SIZES:
        raise ValueError(f"no such size; {did_you_mean(value, SIZES)}, or width, depth and heads")
    return SIZES[value]


class Options(Params):
    """The size, and how actions enter."""

    size: Annotated[Shape, BeforeValidator(_named)] = Field(description="a name or a Shape")
    patch: int = Field(gt=0, description="side of a patch in latent cells")
    injection: Literal["none", "additive", "adaln", "adaln_fuse", "film", "cross_attention"]
    causal: bool = Field(description="whether frames see earlier frames alone")
    reference_init: bool = Field(
        description="start cross-attention as the reference does, where it can never learn"
    )


def named(size: str | Mapping[str, int], patch: int, injection: str, causal: bool) -> Options:
    """The options of a network of the published family, initialised as it should have been."""
    return Options.model_validate(
        {
            "size": size,
            "patch": patch,
            "injection": injection,
            "causal": causal,
            "reference_init": False,
        }
    )


def build(options: Options, size: Size) -> "NanoWM":
    """The network for latents and actions of this size, freshly initialised.

    Raises:
        ParamsError: patch and latents, or injection and actions, do not go together.
    """
    place = "denoisers.nanowm"
    _, height, width = size.latent_shape
    if height % options.patch or width % options.patch:
        raise ParamsError(
            f"{place}.patch = {options.patch} does not divide latents of {height} x {width}; "
            "choose a divisor of both"
        )
    if options.injection != "none" and not size.action_dim:
        raise ParamsError(
            f"{place}.injection = {options.injection!r}, but the data has no actions; choose none"
        )
    return NanoWM(options, size)


class NanoWM(Denoiser):
    """See `pipeline.denoisers.Denoiser`."""

    space: Tensor
    time: Tensor

    def __init__(self, options: Options, size: Size) -> None:
        """Build all layers; adaLN-Zero makes every block the identity at first."""
        super().__init__()
        channels, height, width = size.latent_shape
        hidden, heads, patch = options.size.width, options.size.heads, options.patch
        self.causal, self.patch, self.frames = options.causal, patch, size.frames
        self.grid, self.heads = (height // patch, width // patch), heads
        self.injected = options.injection != "none"
        self.pos_embed = nn.Parameter(torch.zeros(1, math.prod(self.grid), hidden))
        self.temp_embed = nn.Parameter(torch.zeros(1, size.frames, hidden))
        if self.injected:
            self.action_embedder = Embedder(size.action_dim, hidden)
        self.x_embedder = PatchEmbed(channels, hidden, patch)
        self.t_embedder = Embedder(256, hidden)
        block = BLOCKS[options.injection]
        self.blocks = nn.ModuleList(block(hidden, heads) for _ in range(options.size.depth))
        self.final_layer = FinalLayer(hidden, patch * patch * channels)
        self.register_buffer("space", rotary_2d(self.grid, hidden // heads), persistent=False)
        self.register_buffer("time", rotary_1d(size.frames, hidden // heads), persistent=False)
        initialise(self, dead_cross_attention=options.reference_init)

    def forward(
        self,
        noisy: Tensor,
        level: Tensor,
        actions: Tensor | None,
        positions: Tensor | None = None,
        kv_cache: KVCache | None = None,
    ) -> Tensor:
        """See `Denoiser.forward`."""
        batch, frames = noisy.shape[:2]
        if frames > self.frames:
            raise ValueError(f"{frames} frames exceed the window of {self.frames} trained on")
        if positions is None:
            positions = torch.arange(frames, device=noisy.device)
        x = self.x_embedder(rearrange(noisy, "b t c h w -> (b t) c h w")) + self.pos_embed
        x = rearrange(x, "(b t) p d -> b t p d", b=batch)
        levels = level if level.ndim == 2 else level[:, None].expand(batch, frames)
        condition = self.t_embedder(sinusoids(levels))[:, :, None]
        context = self._shifted(actions, positions)
        space = Space(self.space)
        seen = seen_by(positions, self.frames)
        time = partial(Time, self.time[:, positions], self.causal, seen, positions)
        again = self.activation_checkpointing and kv_cache is None
        for index, block in enumerate(self.blocks):
            if index == 1:
                x = x + self.temp_embed[:, positions, None]
            run = partial(checkpoint, block, use_reentrant=False) if again else block
            if index % 2 == 0:
                x = run(x, condition, context, space)
            elif kv_cache is None:
                x = run(x, condition, context, time())
            else:
                layer = index // 2
                x = block(x, condition, context, time(kv_cache.keys[layer], kv_cache.values[layer]))
        height, width = self.grid
        return rearrange(
            self.final_layer(x, condition),
            "b t (h w) (p q c) -> b t c (h p) (w q)",
            h=height,
            w=width,
            p=self.patch,
            q=self.patch,
        )

    def embedded(self, actions: Tensor) -> Tensor | None:
        """See `Denoiser.embedded`."""
        return self.action_embedder(actions) if self.injected else None

    def kv_cache(self, batch: int) -> KVCache:
        """See `Denoiser.memory`."""
        assert self.causal, "frames of a network that sees the future cannot be remembered"
        device = self.pos_embed.device
        _, patches, hidden = self.pos_embed.shape
        shape = (batch * patches, self.heads, self.frames, hidden // self.heads)
        # torch knows no autocasting of the meta device, and raises.
        mixed = device.type != "meta" and torch.is_autocast_enabled(device.type)
        dtype = torch.get_autocast_dtype(device.type) if mixed else self.pos_embed.dtype
        layers = range(len(self.blocks) // 2)
        keys, values = (
            [torch.zeros(shape, dtype=dtype, device=device) for _ in layers] for _ in range(2)
        )
        return KVCache(keys, values)

    def _shifted(self, actions: Tensor | None, positions: Tensor) -> Actions | None:
        """What led to each frame: frame i is told action i - 1, the first frame nothing."""
        if actions is None or not self.injected:
            return None
        embedded = self.action_embedder(actions[:, :-1])
        window = functional.pad(embedded, (0, 0, 1, 0))
        return Actions(window, window[:, positions, None])


def initialise(model: NanoWM, *, dead_cross_attention: bool) -> None:
    """Draw all weights as the reference does, from torch's global generator.

    The reference starts cross-attention's gate and its projection at zero: then neither has a
    gradient, ever. With `dead_cross_attention` so does this; otherwise only the gate is zero.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
    nn.init.xavier_uniform_(model.x_embedder.proj.weight.flatten(1))
    for position in (model.pos_embed, model.temp_embed):
        nn.init.normal_(position, std=0.02)
    for name, weight in model.named_parameters():
        if name.endswith(".bias"):
            nn.init.zeros_(weight)
        elif name.startswith("t_embedder"):
            nn.init.normal_(weight, std=0.02)
        elif "_modulation" in name or (dead_cross_attention and "cross_attn.proj" in name):
            nn.init.zeros_(weight)
    nn.init.zeros_(model.final_layer.linear.weight)
