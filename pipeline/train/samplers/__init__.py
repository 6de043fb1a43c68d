"""Samplers: the order in which the frames of a window are denoised, as a scheduling matrix."""

from collections.abc import Callable
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from pipeline.train.objectives import Objective

Denoise = Callable[[Tensor, Tensor, Tensor], Tensor]


class Sampler(Protocol):
    """An order. `samplers/NAME.py` offers `Options` and `build(options)`."""

    def matrix(self, frames: int, context: int, timesteps: Tensor) -> Tensor:
        """Levels int64 [rows, frames]: one row a state, from all noise to all clean.

        Args:
            frames: length of the window.
            context: its first frames that are given; their level is -1 throughout.
            timesteps: levels int64 [steps + 1] that a frame passes through, descending to -1.
        """


def ddim_timesteps(steps: int, levels: int) -> Tensor:
    """Levels int64 [steps + 1] from levels - 1 down to -1, evenly spaced.

    Truncated from float32 as in the reference (df_sample.py, `ddim_idx_to_timestep`).
    """
    return torch.linspace(-1, levels - 1, steps + 1).long().flip(0)


@torch.inference_mode()
def sample(
    denoise: Denoise,
    objective: Objective,
    matrix: Tensor,
    window: Tensor,
    actions: Tensor,
    *,
    causal: bool,
) -> Tensor:
    """Walk a scheduling matrix with the objective's deterministic steps.

    Args:
        denoise: the network; see `pipeline.train.denoisers.Denoiser`.
        objective: what its answers mean.
        matrix: levels [rows, T]; see `Sampler.matrix`.
        window: [B, T, C, h, w], given frames first, then pure noise.
        actions: [B, T, A] as the network is fed them.
        causal: no frame sees later ones, so those not yet begun are left out of the work.

    Returns:
        The window [B, T, C, h, w] with every frame clean.
    """
    window = window.clone()
    for now, following in pairwise(matrix):
        moving = (now != following).nonzero()
        length = int(moving.max()) + 1 if causal else len(now)
        part = window[:, :length]
        level, after = (
            row[:length].expand(len(window), -1).to(window.device) for row in (now, following)
        )
        output = denoise(part, level.clamp(min=0), actions[:, :length])
        clean = objective.to_clean(output, part, level)
        window[:, :length] = objective.step(part, clean, level, after)
    return window
