"""What the savings are measured against: the published implementation's work, done by our layers.

The reference computes the modulation of its temporal blocks on [B P, T, D] copies of one vector a
frame, so P times over (Nano World Models, models/nanowm.py); and its samplers pass all frames of
the window through the network at every step.
"""

import copy
from typing import cast

import torch
from einops import repeat
from torch import Tensor, nn

from pipeline.denoisers.nanowm import SIZES, NanoWM
from pipeline.denoisers.nanowm.axes import ActionEmbeddings, Axis
from pipeline.denoisers.nanowm.blocks import AdaLN, Block, FiLM
from pipeline.tools.bench import Setting
from pipeline.tools.bench.setting import network
from pipeline.train.memory.cost import count_flops

TOLERANCE = 0.01
"""Largest relative difference between the counted and the published work."""


class PerPatch(nn.Module):
    """A temporal block that computes its modulation once a patch instead of once a frame."""

    def __init__(self, block: Block) -> None:
        """Around a block, whose weights it shares."""
        super().__init__()
        self.block = block

    def forward(
        self, x: Tensor, condition: Tensor, actions: ActionEmbeddings | None, axis: Axis
    ) -> Tensor:
        """See `Block.forward`; the condition is copied to every patch first."""
        patches = x.shape[2]
        if actions is not None and isinstance(self.block, AdaLN | FiLM):
            actions = ActionEmbeddings(actions.window, _copied(actions.current, patches))
        return self.block(x, _copied(condition, patches), actions, axis)


def _copied(vectors: Tensor, patches: int) -> Tensor:
    return repeat(vectors, "b t 1 d -> b t p d", p=patches).contiguous()


def wasteful(network: NanoWM) -> NanoWM:
    """A copy with the same weights and answers, and the reference's work."""
    copied = copy.deepcopy(network)
    for index in range(1, len(copied.blocks), 2):
        copied.blocks[index] = PerPatch(cast(Block, copied.blocks[index]))
    return copied


def published_work(setting: Setting) -> int:
    """Floating-point operations (2 a multiply-add) of the published implementation per forward.

    Of one window, by matrix products and attention alone; causal attention counts whole. Derived
    from its layers (models/nanowm.py); S/2, 4 frames of 4x32x32, additive: 71.4e9.
    """
    h, depth = SIZES[setting.size].width, SIZES[setting.size].depth
    channels, height, width = setting.latent
    frames, patches = setting.frames, height * width // setting.patch**2
    tokens = frames * patches
    # Parts of the modulation that actions add to a block's own six.
    parts = 6 + {"adaln": 6, "film": 2}.get(setting.injection, 0)
    layers = 2 * tokens * 16 * h**2  # attention's 4, the feed-forward's 12, in a block of each kind
    attended = 2 * tokens * h * (patches + frames)
    modulations = (frames + tokens) * parts * h**2
    ends = 2 * tokens * setting.patch**2 * channels * h
    embedders = frames * (256 + h) * h + (frames - 1) * (setting.action_dim + h) * h
    small = embedders + 2 * frames * h**2  # and the last layer's modulation
    return 2 * (depth // 2 * (layers + attended + modulations) + ends + small)


def assert_published_work(setting: Setting) -> int:
    """Count one forward of the baseline, for one window; it must be the published work."""
    with torch.device("meta"):
        baseline = wasteful(network(setting))
        noisy = torch.zeros(1, setting.frames, *setting.latent)
        level = torch.zeros(1, setting.frames, dtype=torch.long)
        actions = torch.zeros(1, setting.frames, setting.action_dim)
        with torch.no_grad():
            found = count_flops(lambda: baseline(noisy, level, actions))
    asked = published_work(setting)
    assert abs(found - asked) <= TOLERANCE * asked, (
        f"the baseline does {found / 1e9:.2f} GF a forward, the published one {asked / 1e9:.2f}"
    )
    return found
