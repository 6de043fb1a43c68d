"""NanoWM: a space-time transformer of spatial and causal temporal blocks by turns.

Nano World Models (arXiv 2605.23993), with its parameter names. A block is DiT's (Peebles & Xie
2023): adaLN-Zero on each frame's noise level, SwiGLU, QK-norm and RoPE; the embedded action,
shifted by one frame, conditions every block. Cameras can condition it too, see `cameras`.
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
from pipeline.denoisers.nanowm.axes import (
    ActionEmbeddings,
    Space,
    Time,
    causal_mask,
    empty_kv_cache,
    teacher_forcing_mask,
)
from pipeline.denoisers.nanowm.blocks import BLOCKS, Block
from pipeline.denoisers.nanowm.cameras import BRANCHES, CameraEmbedder, check_cameras, encoding
from pipeline.denoisers.nanowm.initialise import initialise
from pipeline.denoisers.nanowm.layers import (
    Embedder,
    FinalLayer,
    PatchEmbed,
    rope_1d,
    rope_2d,
    timestep_embedding,
)
from pipeline.denoisers.nanowm.prope import PRoPE
from pipeline.errors import ParamsError, did_you_mean
from pipeline.params import Params


class Shape(Params):
    """Width and depth of the transformer."""

    width: int = Field(gt=0, le=2**16)
    depth: int = Field(
        gt=0, le=1000, multiple_of=2, description="blocks, spatial and temporal by turns"
    )
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
"""S, B, L and XL are those of DiT (Peebles & Xie 2023, table 1); nano trains on a laptop."""


def _by_name(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value not in SIZES:
        raise ValueError(f"no such size; {did_you_mean(value, SIZES)}, or width, depth and heads")
    return SIZES[value]


class Options(Params):
    """The size, and how actions condition the network."""

    size: Annotated[Shape, BeforeValidator(_by_name)] = Field(description="a name or a Shape")
    patch: int = Field(gt=0, description="side of a patch in latent cells")
    injection: Literal["none", "additive", "adaln", "adaln_fuse", "film", "cross_attention"]
    causal: bool = Field(description="whether frames attend to earlier frames alone")
    reference_init: bool = Field(
        description="cross-attention with a zero gate and a zero projection, as in the reference: "
        "neither ever has a gradient"
    )
    camera: Literal["none", "token", "prope", "prope_branch", "joint"] = Field(
        description="camera conditioning: the motion embedded beside actions, or PRoPE in a branch "
        "of attention, in time, in time without RoPE as in minWM, or jointly in space and time; "
        "none has an effect at first"
    )


def published_options(
    size: str | Mapping[str, int], patch: int, injection: str, causal: bool
) -> Options:
    """Options of a published architecture, but with cross-attention that can learn."""
    return Options.model_validate(
        {
            "size": size,
            "patch": patch,
            "injection": injection,
            "causal": causal,
            "reference_init": False,
            "camera": "none",
        }
    )


def takes_cameras(options: Options) -> bool:
    """Whether cameras condition the network."""
    return options.camera != "none"


def build(options: Options, size: Size) -> "NanoWM":
    """An untrained network for latents and actions of this size.

    Raises:
        ParamsError: the patch does not divide the latents, there are no actions to inject, no
            cameras, or heads that cannot be cut for them.
    """
    place = "denoisers.nanowm"
    _, height, width = size.latent_shape
    if height % options.patch or width % options.patch:
        raise ParamsError(
            f"{place}.patch = {options.patch} does not divide latents of {height} x {width}; "
            "choose a divisor of both"
        )
    injected = size.action_dim or options.camera == "token"
    if options.injection != "none" and not injected:
        raise ParamsError(
            f"{place}.injection = {options.injection!r}, but the data has no actions; choose none"
        )
    if takes_cameras(options):
        head_dim = options.size.width // options.size.heads
        check_cameras(place, options.camera, head_dim, size)
    return NanoWM(options, size)


class NanoWM(Denoiser):
    """Factorised space-time transformer; even blocks attend in space, odd blocks in time."""

    spatial_rope: Tensor
    temporal_rope: Tensor
    prope_rope: Tensor

    def __init__(self, options: Options, size: Size) -> None:
        """Build all layers; with adaLN-Zero every block starts as the identity."""
        super().__init__()
        channels, height, width = size.latent_shape
        hidden, heads, patch = options.size.width, options.size.heads, options.patch
        self.causal, self.patch, self.frames = options.causal, patch, size.frames
        self.grid, self.heads = (height // patch, width // patch), heads
        self.dims = [size.action_dim, size.motion_dim]  # of an action and of a motion behind it
        # A token without actions takes their simplest way, which has no weights of its own.
        alone = options.camera == "token" and options.injection == "none"
        injection = "adaln_fuse" if alone else options.injection
        self.injects = injection != "none"
        # Learned positions on top of RoPE, as in the reference.
        self.pos_embed = nn.Parameter(torch.zeros(1, math.prod(self.grid), hidden))  # [1, P, D]
        self.temp_embed = nn.Parameter(torch.zeros(1, size.frames, hidden))  # [1, F, D]
        acts = options.injection != "none" and size.action_dim > 0
        self.action_embedder = Embedder(size.action_dim, hidden) if acts else None
        self.x_embedder = PatchEmbed(channels, hidden, patch)
        self.t_embedder = Embedder(256, hidden)
        block = BLOCKS[injection]
        self.blocks = nn.ModuleList(block(hidden, heads) for _ in range(options.size.depth))
        self.final_layer = FinalLayer(hidden, patch * patch * channels)
        # [2, P, head_dim] and [2, F, head_dim]
        head_dim = hidden // heads
        self.register_buffer("spatial_rope", rope_2d(self.grid, head_dim), persistent=False)
        self.register_buffer("temporal_rope", rope_1d(size.frames, head_dim), persistent=False)
        rotated = 0 if options.camera == "prope_branch" else head_dim // 2  # features of RoPE
        joint = options.camera == "joint"
        prope_rope = rope_2d(self.grid, rotated) if joint else rope_1d(size.frames, rotated)
        self.register_buffer("prope_rope", prope_rope, persistent=False)
        positions = (self.pos_embed, self.temp_embed)
        initialise(self, self.x_embedder, positions, self.final_layer, options.reference_init)
        # Last, so that the other weights are those of a network without cameras.
        self.camera = options.camera
        self.camera_embedder = CameraEmbedder(hidden) if self.camera == "token" else None
        if self.camera in BRANCHES:
            for temporal in self.blocks[1::2]:
                assert isinstance(temporal, Block)
                temporal.attn.add_branch(hidden)

    def forward(
        self,
        noisy: Tensor,
        level: Tensor,
        actions: Tensor | None,
        positions: Tensor | None = None,
        kv_cache: KVCache | None = None,
        clean: Tensor | None = None,
        dropped: Tensor | None = None,
    ) -> Tensor:
        """Noisy latents [B, T, C, h, w] to the objective's target; see `Denoiser.forward`."""
        batch, frames = noisy.shape[:2]
        if frames > self.frames:
            raise ValueError(f"{frames} frames exceed the window of {self.frames} trained on")
        if positions is None:
            positions = torch.arange(frames, device=noisy.device)  # [T]
        attends = None
        if clean is not None:  # two streams, of which the clean one comes first: T is 2 T from here
            assert self.causal
            assert kv_cache is None
            attends = teacher_forcing_mask(positions)  # [T, T]
            noisy, positions = torch.cat([clean, noisy], 1), positions.repeat(2)
        patches = self.x_embedder(rearrange(noisy, "b t c h w -> (b t) c h w"))  # [B T, P, D]
        x = rearrange(patches + self.pos_embed, "(b t) p d -> b t p d", b=batch)  # [B, T, P, D]
        # Every frame has a noise level of its own (Diffusion Forcing, Chen et al. 2024).
        levels = level if level.ndim == 2 else level[:, None].expand(batch, frames)  # [B, T]
        if clean is not None:
            levels = torch.cat([torch.zeros_like(levels), levels], 1)
        condition = self.t_embedder(timestep_embedding(levels))[:, :, None]  # [B, T, 1, D]
        embeddings = self._embed_shifted(actions, positions, dropped)
        space = Space(self.spatial_rope)
        mask = causal_mask(positions, self.frames)  # [T, F]
        rope = self.temporal_rope[:, positions]
        prope = self._prope(actions, positions)
        joint = self.camera == "joint"
        time = partial(Time, rope, self.causal, mask, positions, attends, prope, joint)
        checkpointing = self.activation_checkpointing and kv_cache is None
        for index, block in enumerate(self.blocks):
            if index == 1:  # as in the reference, before the first temporal block alone
                x = x + self.temp_embed[:, positions, None]  # [B, T, P, D] + [1, T, 1, D]
            run = partial(checkpoint, block, use_reentrant=False) if checkpointing else block
            if index % 2 == 0:
                x = run(x, condition, embeddings, space)  # [B, T, P, D]
            else:
                x = run(x, condition, embeddings, time(kv_cache, index // 2))  # [B, T, P, D]
        height, width = self.grid
        return rearrange(
            self.final_layer(x[:, -frames:], condition[:, -frames:]),  # [B, T, P, patch patch C]
            "b t (h w) (p q c) -> b t c (h p) (w q)",
            h=height,
            w=width,
            p=self.patch,
            q=self.patch,
        )

    def embed_actions(self, actions: Tensor) -> Tensor | None:
        """Embeddings [B, F, D] of actions [B, F, A] and motions; None if neither is injected."""
        if not self.injects:
            return None
        own, motions = actions.split(self.dims, -1)
        parts = []
        if self.action_embedder is not None:
            parts.append(self.action_embedder(own))
        if self.camera_embedder is not None:
            parts.append(self.camera_embedder(motions))
        return sum(parts[1:], parts[0])

    def kv_cache(self, batch: int) -> KVCache:
        """An empty KV cache for `batch` windows, a pair [B P, heads, F, head_dim] a branch."""
        assert self.causal, "a KV cache needs causal attention: earlier frames must not change"
        _, patches, hidden = self.pos_embed.shape
        shape = (batch * patches, self.heads, self.frames, hidden // self.heads)
        branches = 2 if self.camera in BRANCHES else 1
        return empty_kv_cache(shape, branches * len(self.blocks) // 2, self.pos_embed)

    def _embed_shifted(
        self, actions: Tensor | None, positions: Tensor, dropped: Tensor | None
    ) -> ActionEmbeddings | None:
        """Embeddings of actions [B, F, A], shifted: frame i gets action i - 1, frame 0 zeros."""
        if actions is None or not self.injects:
            return None
        embedded = self.embed_actions(actions[:, :-1])  # [B, F - 1, D]
        assert embedded is not None
        if dropped is not None:
            embedded = embedded.masked_fill(dropped[:, None, None], 0)
        window = functional.pad(embedded, (0, 0, 1, 0))  # [B, F, D]
        return ActionEmbeddings(window, window[:, positions, None])

    def _prope(self, actions: Tensor | None, positions: Tensor) -> PRoPE | None:
        """The encoding of the cameras at `positions` [T]."""
        if actions is None or self.camera not in BRANCHES:
            return None
        motions = actions.split(self.dims, -1)[1]
        patches = math.prod(self.grid) if self.camera == "joint" else None
        return encoding(motions, positions, self.prope_rope, patches)
