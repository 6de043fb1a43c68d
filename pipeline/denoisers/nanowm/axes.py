"""The two directions in which NanoWM attends: over a frame's patches, and over time."""

from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from pipeline.denoisers.nanowm.layers import Attention, CrossAttention


@dataclass(frozen=True, slots=True)
class Actions:
    """Embedded actions, shifted: what led to each frame.

    Attributes:
        window: [B, F, D], for every frame of the window.
        here: [B, T, 1, D], for the frames at hand.
    """

    window: Tensor
    here: Tensor


class Axis(Protocol):
    """A direction; tokens are [B, T, P, D]."""

    def attend(self, attention: Attention, x: Tensor) -> Tensor:
        """Tokens mixed along it."""

    def cross(self, attention: CrossAttention, x: Tensor, actions: Actions) -> Tensor:
        """What tokens draw from the actions that they may see."""


@dataclass(frozen=True, slots=True)
class Space:
    """Over the patches of each frame."""

    rotation: Tensor

    def attend(self, attention: Attention, x: Tensor) -> Tensor:
        """See `Axis.attend`."""
        rows = rearrange(x, "b t p d -> (b t) p d")
        return attention(rows, self.rotation, scaled_dot_product_attention).view_as(x)

    def cross(self, attention: CrossAttention, x: Tensor, actions: Actions) -> Tensor:
        """See `Axis.cross`: each frame sees the one action that led to it."""
        rows = rearrange(x, "b t p d -> (b t) p d")
        context = rearrange(actions.here, "b t one d -> (b t) one d")
        return attention(rows, context, 1, None).view_as(x)


@dataclass(frozen=True, slots=True)
class Time:
    """Over the frames of each patch, causally or not.

    Attributes:
        rotation: cosines and sines [2, T, head] of the frames at hand.
        causal: whether a frame sees no later ones.
        seen: bool [T, window], which frames of the window each frame at hand may see.
        positions: int64 [T] of the frames at hand in the window.
        keys: of a memory, [B P, heads, window, head]; None without one.
        values: the same.
    """

    rotation: Tensor
    causal: bool
    seen: Tensor
    positions: Tensor
    keys: Tensor | None = None
    values: Tensor | None = None

    def attend(self, attention: Attention, x: Tensor) -> Tensor:
        """See `Axis.attend`."""
        rows = rearrange(x, "b t p d -> (b p) t d")
        if self.keys is None:
            mix = partial(scaled_dot_product_attention, is_causal=self.causal)
            mixed = attention(rows, self.rotation, mix)
        else:
            mixed = attention(rows, self.rotation, self._recall)
        return rearrange(mixed, "(b p) t d -> b t p d", b=len(x))

    def cross(self, attention: CrossAttention, x: Tensor, actions: Actions) -> Tensor:
        """See `Axis.cross`: a causal frame sees the actions up to the one that led to it."""
        rows = rearrange(x, "b t p d -> (b p) t d")
        seen = self.seen[:, : actions.window.shape[1]] if self.causal else None
        mixed = attention(rows, actions.window, x.shape[2], seen)
        return rearrange(mixed, "(b p) t d -> b t p d", b=len(x))

    def _recall(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attend to what is remembered, after adding the frames at hand to it."""
        assert self.keys is not None
        assert self.values is not None
        keys = self.keys.index_copy_(2, self.positions, k.to(self.keys.dtype))
        values = self.values.index_copy_(2, self.positions, v.to(self.values.dtype))
        return scaled_dot_product_attention(q.to(keys.dtype), keys, values, attn_mask=self.seen)


def seen_by(positions: Tensor, window: int) -> Tensor:
    """Bool [T, window]: frame i of the window is no later than each of the frames at hand."""
    return torch.arange(window, device=positions.device) <= positions[:, None]
