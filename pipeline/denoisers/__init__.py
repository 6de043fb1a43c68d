"""Denoisers: the networks of a world model."""

from collections.abc import Reversible
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from pipeline.families import Family, family
from pipeline.params import Params


class Size(BaseModel):
    """Shapes that the data and the window impose on a network."""

    model_config = ConfigDict(frozen=True)

    latent_shape: tuple[int, int, int]
    """Channels, height, width."""
    action_dim: int
    """Length of the action between two consecutive frames of the window; 0 for no actions."""
    frames: int
    """Length of the window."""
    motion_dim: int = 0
    """Length of the camera's motion between two frames, behind the action; 0 for no cameras."""


@dataclass(frozen=True, slots=True)
class KVCache:
    """Keys and values of a window's finished frames, for the frames after them.

    Attributes:
        keys: of each temporal attention layer, [N, heads, window, head_dim].
        values: the same shapes.
    """

    keys: list[Tensor]
    values: list[Tensor]


class Denoiser(nn.Module):
    """The network of a world model, built by a `DenoiserModule`."""

    causal: bool
    """Whether a frame's output never depends on later frames."""
    activation_checkpointing: bool = False
    """Whether a forward pass without a KV cache drops the activations of its blocks, and the
    backward pass recomputes them: bit-identical outputs and gradients, less memory, more time."""
    grid: tuple[int, int]
    """Rows and columns of patches in a frame: its tokens."""

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
        """The objective's regression target, as predicted from noisy latents, [B, T, C, h, w].

        Args:
            noisy: latents [B, T, C, h, w], T at most the window.
            level: int64 diffusion timestep of each frame [B, T] or of each clip [B]; 0 is the
                least noise.
            actions: [B, F, A] of the whole window; F = T without a KV cache. actions[:, i] leads
                from frame i to i + 1, the last one is unused. None: unconditional. Of a network for
                a size with `motion_dim`, the camera's motion follows the action,
                [B, F, A + motion_dim]; what it holds says `pipeline.latents.cameras`.
            positions: int64 [T], places of the frames in their window; 0..T - 1 if None.
            kv_cache: of earlier frames of this window; read, and written in place. Only causal
                networks take one, and all frames before `positions` must have been run with it.
                Where gradients are enabled its tensors are replaced instead of written to, so that
                they pass through it.
            clean: latents [B, T, C, h, w] of the same frames without noise, for a causal network
                without a KV cache. Each frame then attends to itself and to the clean earlier ones,
                which run beside it in the same pass: the outputs of a pass for every frame, with
                the frames before it clean (teacher forcing). Gradients pass through both streams.
            dropped: bool [B], true of clips that are not told their actions: their embeddings are
                zeros. None: all clips are.

        Raises:
            ValueError: more frames than the window that the network was made for.
        """
        raise NotImplementedError

    def embed_actions(self, actions: Tensor) -> Tensor | None:
        """Embeddings [B, F, width] of actions [B, F, A]; None if the network takes no actions."""
        raise NotImplementedError

    def kv_cache(self, batch: int) -> KVCache:
        """An empty KV cache for `batch` windows."""
        raise NotImplementedError


class DenoiserModule(Protocol):
    """What `denoisers/NAME/__init__.py` offers."""

    Options: type[Params]
    SIZES: Reversible[str]
    """Names that the option `size` can take, from small to large."""

    def build(self, options: Params, size: Size) -> Denoiser:
        """An untrained network, initialised from torch's global generator."""

    def takes_cameras(self, options: Params) -> bool:
        """Whether cameras condition the network, where they are known."""


DENOISERS: Family[DenoiserModule, Params] = family("denoisers")
