"""Denoisers: the networks of a world model."""

from collections.abc import Reversible
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from pipeline.params import Params


class Size(BaseModel):
    """Shapes that data and window impose on a network."""

    model_config = ConfigDict(frozen=True)

    latent_shape: tuple[int, int, int]
    """Channels, height, width."""
    action_dim: int
    """Length of the action that leads from one frame of the window to the next; 0 for none."""
    frames: int
    """Length of the window."""


@dataclass(frozen=True, slots=True)
class KVCache:
    """What the frames of one window leave behind in a causal network for the frames after them.

    Attributes:
        keys: of each layer that looks back in time, [N, heads, window, head].
        values: the same shapes.
    """

    keys: list[Tensor]
    values: list[Tensor]


class Denoiser(nn.Module):
    """The network of a world model, built by a `DenoiserModule`."""

    causal: bool
    """Whether a frame's output never depends on later frames."""
    activation_checkpointing: bool = False
    """Whether a forward without a memory lets go of what its blocks computed, and the backward pass
    computes it again: the same outputs and gradients, to the bit, in less memory and more time."""
    grid: tuple[int, int]
    """Patches of a frame, by rows and columns: its tokens."""

    def forward(
        self,
        noisy: Tensor,
        level: Tensor,
        actions: Tensor | None,
        positions: Tensor | None = None,
        kv_cache: KVCache | None = None,
    ) -> Tensor:
        """What the objective regresses, [B, T, C, h, w].

        Args:
            noisy: latents [B, T, C, h, w], T at most the window.
            level: int64, diffusion timestep of each frame [B, T] or of each clip [B]; 0 for the
                least noise.
            actions: [B, F, A] of the whole window, F = T unless there is a memory; actions[:, i]
                leads from frame i to i + 1, the last one is unused. None: nothing is known of them.
            positions: int64 [T], the places of the frames in their window; 0..T - 1 if None.
            memory: of earlier frames of this window, which is seen, and added to. Only a causal
                network has one; the frames before `positions` must all have passed through.

        Raises:
            ValueError: more frames than the window that the network was made for.
        """
        raise NotImplementedError

    def embedded(self, actions: Tensor) -> Tensor | None:
        """Actions [B, F, A] as they enter the network, [B, F, width]; None where they do not."""
        raise NotImplementedError

    def kv_cache(self, batch: int) -> KVCache:
        """An empty memory for `batch` windows."""
        raise NotImplementedError


class DenoiserModule(Protocol):
    """What `denoisers/NAME/__init__.py` offers."""

    Options: type[Params]
    SIZES: Reversible[str]
    """Names that the option `size` can take, from small to large."""

    def build(self, options: Params, size: Size) -> Denoiser:
        """A freshly initialised network; draws from torch's global generator."""
