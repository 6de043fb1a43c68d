"""Blocks of NanoWM, one for each way in which actions enter (Nano World Models, sec. 3)."""

import torch
from torch import Tensor, nn

from pipeline.denoisers.nanowm.axes import Actions, Axis
from pipeline.denoisers.nanowm.layers import Attention, CrossAttention, SwiGLU, modulate, modulation


class Block(nn.Module):
    """Attention and feed-forward, both modulated by the frame's noise level (adaLN-Zero).

    Actions never enter here; a subclass overrides the place where they do.
    """

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden, eps=1e-6, elementwise_affine=False)
        self.attn = Attention(hidden, heads)
        self.mlp = SwiGLU(hidden)
        self.adaLN_modulation = modulation(hidden, 6)

    def forward(self, x: Tensor, condition: Tensor, actions: Actions | None, axis: Axis) -> Tensor:
        """Tokens [B, T, P, D], their condition [B, T, 1, D], and the axis to attend along.

        The modulation is computed once a frame and broadcast over the frame's patches.
        """
        if actions is not None:
            x = self.before(x, actions)
        parts = self.modulated(condition, actions).chunk(6, -1)
        shift, scale, gate, mlp_shift, mlp_scale, mlp_gate = parts
        x = x + gate * axis.attend(self.attn, modulate(self.norm(x), shift, scale))
        if actions is not None:
            x = self.between(x, actions)
        x = x + mlp_gate * self.mlp(modulate(self.norm(x), mlp_shift, mlp_scale))
        return x if actions is None else self.after(x, actions, axis)

    def before(self, x: Tensor, actions: Actions) -> Tensor:
        """Tokens as they enter the attention."""
        return x

    def modulated(self, condition: Tensor, actions: Actions | None) -> Tensor:
        """Shifts, scales and gates [B, T, 1, 6 D]."""
        return self.adaLN_modulation(condition)

    def between(self, x: Tensor, actions: Actions) -> Tensor:
        """Tokens between attention and feed-forward."""
        return x

    def after(self, x: Tensor, actions: Actions, axis: Axis) -> Tensor:
        """Tokens as they leave."""
        return x


class Additive(Block):
    """The action is added to every token of its frame."""

    def before(self, x: Tensor, actions: Actions) -> Tensor:
        return x + actions.here


class AdaLNFuse(Block):
    """The action is added to the noise level's embedding."""

    def modulated(self, condition: Tensor, actions: Actions | None) -> Tensor:
        return self.adaLN_modulation(condition if actions is None else condition + actions.here)


class AdaLN(Block):
    """The action has a modulation of its own, added to that of the noise level."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__(hidden, heads)
        self.action_adaLN_modulation = modulation(hidden, 6)

    def modulated(self, condition: Tensor, actions: Actions | None) -> Tensor:
        own = self.adaLN_modulation(condition)
        return own if actions is None else own + self.action_adaLN_modulation(actions.here)


class FiLM(Block):
    """The action scales and shifts the tokens between attention and feed-forward (Perez 2018)."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__(hidden, heads)
        self.film_modulation = modulation(hidden, 2)

    def between(self, x: Tensor, actions: Actions) -> Tensor:
        scale, shift = self.film_modulation(actions.here).chunk(2, -1)
        return modulate(x, shift, scale)


class CrossAttending(Block):
    """Tokens attend to the actions, through a gate that starts closed."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__(hidden, heads)
        self.cross_attn = CrossAttention(hidden, heads)
        self.cross_gate = nn.Parameter(torch.zeros(hidden))

    def after(self, x: Tensor, actions: Actions, axis: Axis) -> Tensor:
        return x + self.cross_gate * axis.cross(self.cross_attn, self.norm(x), actions)


BLOCKS: dict[str, type[Block]] = {
    "none": Block,
    "additive": Additive,
    "adaln": AdaLN,
    "adaln_fuse": AdaLNFuse,
    "film": FiLM,
    "cross_attention": CrossAttending,
}
