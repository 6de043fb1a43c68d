"""The two axes of NanoWM's factorised attention: a frame's patches, and time."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from pipeline.denoisers import KVCache
from pipeline.denoisers.nanowm.layers import Attention, AttentionFn, CrossAttention
from pipeline.denoisers.nanowm.prope import PRoPE


@dataclass(frozen=True, slots=True)
class ActionEmbeddings:
    """Embedded actions, shifted by one frame: entry i is the action that led to frame i.

    Attributes:
        window: [B, F, D], of every frame of the window.
        current: [B, T, 1, D], of the frames of this forward pass; broadcasts over patches.
    """

    window: Tensor
    current: Tensor


class Axis(Protocol):
    """The axis that a block attends along; tokens are [B, T, P, D]."""

    def attend(self, attention: Attention, x: Tensor) -> Tensor:
        """Self-attention along the axis, [B, T, P, D]."""

    def cross_attend(
        self, attention: CrossAttention, x: Tensor, actions: ActionEmbeddings
    ) -> Tensor:
        """Cross-attention to the actions visible along the axis, [B, T, P, D]."""


@dataclass(frozen=True, slots=True)
class Space:
    """Attention among the patches of each frame.

    Attributes:
        rope: cosines and sines [2, P, head_dim] of the patches.
    """

    rope: Tensor

    def attend(self, attention: Attention, x: Tensor) -> Tensor:
        """Each patch attends to all patches of its frame, [B, T, P, D]."""
        rows = rearrange(x, "b t p d -> (b t) p d")  # [B T, P, D]
        return attention(rows, self.rope, scaled_dot_product_attention).view_as(x)

    def cross_attend(
        self, attention: CrossAttention, x: Tensor, actions: ActionEmbeddings
    ) -> Tensor:
        """Each frame attends to one action, the one that led to it, [B, T, P, D]."""
        rows = rearrange(x, "b t p d -> (b t) p d")  # [B T, P, D]
        context = rearrange(actions.current, "b t one d -> (b t) one d")  # [B T, 1, D]
        return attention(rows, context, 1, None).view_as(x)


@dataclass(frozen=True, slots=True)
class Time:
    """Attention among the frames of each patch position, causal or not.

    Attributes:
        rope: cosines and sines [2, T, head_dim] of the frames of this forward pass.
        causal: whether frames attend to earlier frames and themselves alone.
        mask: bool [T, window], True where a frame of this pass may attend to one of the window.
        positions: int64 [T] of the frames of this pass in the window.
        attends: bool [T, T], True where a frame may attend to another one of this pass; None where
            `causal` says it.
        prope: encoding of the cameras of this pass, for the second branch of attention; None
            without one.
        joint: whether the branch attends to all patches of frames, and `prope` is of them all.
        kv_cache: keys and values of the window; None without one.
        layer: place of this layer in it.
    """

    rope: Tensor
    causal: bool
    mask: Tensor
    positions: Tensor
    attends: Tensor | None = None
    prope: PRoPE | None = None
    joint: bool = False
    kv_cache: KVCache | None = None
    layer: int = 0

    def attend(self, attention: Attention, x: Tensor) -> Tensor:
        """Each patch attends to the same patch of other frames, [B, T, P, D]."""
        rows = rearrange(x, "b t p d -> (b p) t d")  # [B P, T, D]
        attended = attention(rows, self.rope, self._attend, self._branch())  # [B P, T, D]
        return rearrange(attended, "(b p) t d -> b t p d", b=len(x))

    def cross_attend(
        self, attention: CrossAttention, x: Tensor, actions: ActionEmbeddings
    ) -> Tensor:
        """Causal frames attend to the actions up to the one that led to them, [B, T, P, D]."""
        rows = rearrange(x, "b t p d -> (b p) t d")  # [B P, T, D]
        mask = self.mask[:, : actions.window.shape[1]] if self.causal else None  # [T, F]
        attended = attention(rows, actions.window, x.shape[2], mask)  # [B P, T, D]
        return rearrange(attended, "(b p) t d -> b t p d", b=len(x))

    def _branch(self) -> AttentionFn | None:
        """Attention by cameras; its keys and values follow those of all layers in the KV cache."""
        if self.prope is None:
            return None
        layer = self.layer
        if self.kv_cache is not None:
            layer += len(self.kv_cache.keys) // 2
        own = replace(self, layer=layer)
        return own._jointly if self.joint else partial(self.prope.attention, attend=own._attend)

    def _jointly(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attention by cameras among all patches of frames, all [B P, heads, T, head_dim]."""
        assert self.prope is not None
        patches = self.prope.rope.shape[1] // q.shape[2]
        together = partial(rearrange, pattern="(b p) h t d -> b h (t p) d", p=patches)
        apart = partial(rearrange, pattern="b h (t p) d -> (b p) h t d", p=patches)

        def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            if self.kv_cache is None:
                frames = self.attends if self.attends is not None else self.mask[:, self.positions]
            else:
                k = together(self._write(self.kv_cache.keys, apart(k)))
                v = together(self._write(self.kv_cache.values, apart(v)))
                frames = self.mask
            q = q.to(k.dtype)
            if not self.causal:
                return scaled_dot_product_attention(q, k, v)
            mask = frames.repeat_interleave(patches, 0).repeat_interleave(patches, 1)
            return scaled_dot_product_attention(q, k, v, attn_mask=mask)

        return apart(self.prope.attention(together(q), together(k), together(v), attend))

    def _attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attention among frames, all [B P, heads, T, head_dim].

        With a KV cache, keys and values are written to it, and all of it is attended to.
        """
        if self.kv_cache is None:
            causal = self.causal and self.attends is None
            return scaled_dot_product_attention(q, k, v, is_causal=causal, attn_mask=self.attends)
        keys, values = self._write(self.kv_cache.keys, k), self._write(self.kv_cache.values, v)
        return scaled_dot_product_attention(q.to(keys.dtype), keys, values, attn_mask=self.mask)

    def _write(self, layers: list[Tensor], new: Tensor) -> Tensor:
        """This layer's keys or values of the whole window, with those of this pass in them."""
        kept = layers[self.layer]  # [B P, heads, window, head_dim]
        if torch.is_grad_enabled():  # the backward pass needs what earlier passes attended to
            layers[self.layer] = kept.index_copy(2, self.positions, new.to(kept.dtype))
            return layers[self.layer]
        # In place and of the whole window's shape: one graph serves every frame (see `Compiled`).
        # Rows of frames that have not run yet are zero; the mask hides them.
        return kept.index_copy_(2, self.positions, new.to(kept.dtype))


def empty_kv_cache(shape: tuple[int, int, int, int], layers: int, weight: Tensor) -> KVCache:
    """A pair of zeros a layer, on the device of a weight, as autocast makes of its dtype."""
    device = weight.device
    # torch has no autocast on the meta device, and raises.
    autocast = device.type != "meta" and torch.is_autocast_enabled(device.type)
    dtype = torch.get_autocast_dtype(device.type) if autocast else weight.dtype
    keys, values = (
        [torch.zeros(shape, dtype=dtype, device=device) for _ in range(layers)] for _ in range(2)
    )
    return KVCache(keys, values)


def causal_mask(positions: Tensor, window: int) -> Tensor:
    """Bool [T, window]: True where a frame of the window is no later than `positions` int64 [T]."""
    return torch.arange(window, device=positions.device) <= positions[:, None]


def teacher_forcing_mask(positions: Tensor) -> Tensor:
    """Bool [2 T, 2 T] of clean frames at `positions` int64 [T], then the same frames noisy.

    Clean ones attend to clean ones no later; a noisy one to clean ones before it, and to itself.
    """
    earlier = positions[None] < positions[:, None]  # [T, T]
    itself = positions[None] == positions[:, None]
    of_clean = torch.cat([earlier | itself, torch.zeros_like(itself)], 1)  # [T, 2 T]
    return torch.cat([of_clean, torch.cat([earlier, itself], 1)])
