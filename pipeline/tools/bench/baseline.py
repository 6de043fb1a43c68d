"""The baseline: the work of the reference implementation, done by our layers.

The reference computes the modulation of its temporal blocks on [B P, T, D] copies of one vector a
frame, P times as often (Nano World Models, models/nanowm.py); and its samplers pass all frames of
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
"""Largest relative difference between the counted FLOPs and those of the reference."""


class PerPatch(nn.Module):
    """A temporal block that computes its modulation for each patch instead of each frame."""

    def __init__(self, block: Block) -> None:
        """Wrap a block and share its weights."""
        super().__init__()
        self.block = block

    def forward(
        self, x: Tensor, condition: Tensor, actions: ActionEmbeddings | None, axis: Axis
    ) -> Tensor:
        """As `Block.forward`, with the condition copied to every patch first."""
        patches = x.shape[2]
        if actions is not None and isinstance(self.block, AdaLN | FiLM):
            actions = ActionEmbeddings(actions.window, _repeat_per_patch(actions.current, patches))
        return self.block(x, _repeat_per_patch(condition, patches), actions, axis)


def _repeat_per_patch(vectors: Tensor, patches: int) -> Tensor:
    return repeat(vectors, "b t 1 d -> b t p d", p=patches).contiguous()


def baseline_network(network: NanoWM) -> NanoWM:
    """A copy with the same weights and outputs that does the work of the reference."""
    copied = copy.deepcopy(network)
    for index in range(1, len(copied.blocks), 2):
        copied.blocks[index] = PerPatch(cast(Block, copied.blocks[index]))
    return copied


def reference_flops(setting: Setting) -> int:
    """FLOPs (2 a multiply-add) of a forward of the reference implementation on one window.

    Matrix products and attention only; causal attention counts in full. Derived from its layers
    (models/nanowm.py); S/2, 4 frames of 4x32x32, additive: 71.4e9.
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


def assert_reference_flops(setting: Setting) -> int:
    """Count the FLOPs of a forward of the baseline on one window.

    Raises:
        AssertionError: they are not those of the reference.
    """
    with torch.device("meta"):
        baseline = baseline_network(network(setting))
        noisy = torch.zeros(1, setting.frames, *setting.latent)
        level = torch.zeros(1, setting.frames, dtype=torch.long)
        actions = torch.zeros(1, setting.frames, setting.action_dim)
        with torch.no_grad():
            flops = count_flops(lambda: baseline(noisy, level, actions))
    expected = reference_flops(setting)
    assert abs(flops - expected) <= TOLERANCE * expected, (
        f"the baseline does {flops / 1e9:.2f} GFLOP a forward, the reference {expected / 1e9:.2f}"
    )
    return flops
