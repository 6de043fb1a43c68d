"""Blocks of NanoWM, one for each form of action conditioning (Nano World Models, sec. 3)."""

import torch
from torch import Tensor, nn

from pipeline.denoisers.nanowm.axes import ActionEmbeddings, Axis
from pipeline.denoisers.nanowm.layers import Attention, CrossAttention, SwiGLU, modulate, modulation


class Block(nn.Module):
    """DiT block: attention and feed-forward with adaLN-Zero (Peebles & Xie 2023, fig. 3).

    It ignores actions; a subclass overrides the one hook where its form of conditioning enters.
    """

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        # One norm serves both branches: without affine weights they would be identical.
        self.norm = nn.LayerNorm(hidden, eps=1e-6, elementwise_affine=False)
        self.attn = Attention(hidden, heads)
        self.mlp = SwiGLU(hidden)
        self.adaLN_modulation = modulation(hidden, 6)

    def forward(
        self, x: Tensor, condition: Tensor, actions: ActionEmbeddings | None, axis: Axis
    ) -> Tensor:
        """Tokens [B, T, P, D], embedded noise levels [B, T, 1, D], and the axis to attend along.

        The modulation is computed once per frame and broadcast over its patches.
        """
        if actions is not None:
            x = self.before(x, actions)  # [B, T, P, D]
        parts = self.modulated(condition, actions).chunk(6, -1)  # 6 of [B, T, 1, D]
        shift, scale, gate, mlp_shift, mlp_scale, mlp_gate = parts
        # x <- x + gate * f((1 + scale) * norm(x) + shift); gates start at zero.
        x = x + gate * axis.attend(self.attn, modulate(self.norm(x), shift, scale))
        if actions is not None:
            x = self.between(x, actions)  # [B, T, P, D]
        x = x + mlp_gate * self.mlp(modulate(self.norm(x), mlp_shift, mlp_scale))
        return x if actions is None else self.after(x, actions, axis)  # [B, T, P, D]

    def before(self, x: Tensor, actions: ActionEmbeddings) -> Tensor:
        """Hook on the tokens [B, T, P, D] before attention."""
        return x

    def modulated(self, condition: Tensor, actions: ActionEmbeddings | None) -> Tensor:
        """Hook on the shifts, scales and gates, [B, T, 1, 6 D]."""
        return self.adaLN_modulation(condition)

    def between(self, x: Tensor, actions: ActionEmbeddings) -> Tensor:
        """Hook on the tokens [B, T, P, D] between attention and feed-forward."""
        return x

    def after(self, x: Tensor, actions: ActionEmbeddings, axis: Axis) -> Tensor:
        """Hook on the tokens [B, T, P, D] after the feed-forward."""
        return x


class Additive(Block):
    """Adds the action embedding to every token of its frame."""

    def before(self, x: Tensor, actions: ActionEmbeddings) -> Tensor:
        return x + actions.current  # [B, T, P, D] + [B, T, 1, D]


class AdaLNFuse(Block):
    """Adds the action embedding to that of the noise level."""

    def modulated(self, condition: Tensor, actions: ActionEmbeddings | None) -> Tensor:
        return self.adaLN_modulation(condition if actions is None else condition + actions.current)


class AdaLN(Block):
    """A modulation of its own for the action, added to that of the noise level."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__(hidden, heads)
        self.action_adaLN_modulation = modulation(hidden, 6)

    def modulated(self, condition: Tensor, actions: ActionEmbeddings | None) -> Tensor:
        by_level = self.adaLN_modulation(condition)  # [B, T, 1, 6 D]
        if actions is None:
            return by_level
        return by_level + self.action_adaLN_modulation(actions.current)


class FiLM(Block):
    """Scales and shifts the tokens between attention and feed-forward (Perez et al. 2018)."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__(hidden, heads)
        self.film_modulation = modulation(hidden, 2)

    def between(self, x: Tensor, actions: ActionEmbeddings) -> Tensor:
        # The reference has the scale first here, the shift first in adaLN.
        scale, shift = self.film_modulation(actions.current).chunk(2, -1)  # [B, T, 1, D] each
        return modulate(x, shift, scale)


class CrossAttending(Block):
    """Cross-attention from tokens to actions, with a gate that starts at zero."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__(hidden, heads)
        self.cross_attn = CrossAttention(hidden, heads)
        self.cross_gate = nn.Parameter(torch.zeros(hidden))

    def after(self, x: Tensor, actions: ActionEmbeddings, axis: Axis) -> Tensor:
        return x + self.cross_gate * axis.cross_attend(self.cross_attn, self.norm(x), actions)


BLOCKS: dict[str, type[Block]] = {
    "none": Block,
    "additive": Additive,
    "adaln": AdaLN,
    "adaln_fuse": AdaLNFuse,
    "film": FiLM,
    "cross_attention": CrossAttending,
}
