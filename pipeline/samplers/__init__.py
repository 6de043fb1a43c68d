"""Samplers: the order in which the frames of a window are denoised, as a scheduling matrix."""

from collections.abc import Callable
from itertools import accumulate, pairwise, repeat
from typing import Protocol

import torch
from torch import Tensor

from pipeline.denoisers import Denoiser
from pipeline.objectives import Objective

Fresh = Callable[[Tensor], Tensor]
"""A window to standard normal noise of its shape."""


class Sampler(Protocol):
    """An order. `samplers/NAME.py` offers `Options` and `build(options)`."""

    def matrix(self, frames: int, context: int, timesteps: Tensor) -> Tensor:
        """Levels int64 [rows, frames]: one row a state, from all noise to all clean.

        Args:
            frames: length of the window.
            context: its first frames that are given; their level is -1 throughout.
            timesteps: levels int64 [steps + 1] that a frame passes through, descending to -1.
        """


def ddim_timesteps(steps: int, levels: int, spacing: str = "trailing") -> Tensor:
    """Levels int64 [steps + 1] from levels - 1 down to -1, evenly spaced.

    `trailing` is what the reference evaluates and plans with: from levels - 1 to -1, truncated from
    float32 (df_sample.py, `ddim_idx_to_timestep`). `linspace` is what its rollout.py samples with:
    from levels - 1 to 0, added up in float64 and rounded, then -1 (`space_timesteps` of Nichol &
    Dhariwal's code, its respace.py).
    """
    if spacing == "trailing":
        return torch.linspace(-1, levels - 1, steps + 1).long().flip(0)
    strides = repeat((levels - 1) / (steps - 1), steps - 1)
    spaced = [round(place) for place in accumulate(strides, initial=0.0)]
    return torch.tensor([-1, *spaced]).flip(0)


@torch.inference_mode()
def sample(
    denoiser: Denoiser,
    objective: Objective,
    matrix: Tensor,
    window: Tensor,
    actions: Tensor | None,
    *,
    clip: bool = False,
    eta: float = 0.0,
    fresh: Fresh | None = None,
    use_kv_cache: bool = True,
) -> Tensor:
    """Walk a scheduling matrix with the objective's steps.

    A causal denoiser computes only frames that move: those that have come to rest are passed
    through it once, into its memory, and those not yet begun are left alone.

    Args:
        denoiser: the network.
        objective: what its answers mean.
        matrix: levels [rows, T]; see `Sampler.matrix`. Columns that never change are context.
        window: [B, T, C, h, w], given frames first, then pure noise.
        actions: [B, T, A] as the network is fed them, or None.
        clip: cut every estimate of the clean latents to -1..1.
        eta: share of the noise renewed at each step, from `fresh`; 0 is deterministic.
        fresh: where that noise comes from.
        savings: False computes all frames at every step, as the reference does.

    Returns:
        The window [B, T, C, h, w] with every frame at the level of the matrix's last row.
    """
    window = window.clone()
    batch, frames = window.shape[:2]
    kv_cache = denoiser.kv_cache(batch) if use_kv_cache and denoiser.causal else None
    resting = _resting(matrix).tolist()
    levels = matrix.to(window.device)[:, None].expand(-1, batch, -1)
    positions = torch.arange(frames, device=window.device)
    begin = 0
    for row, (now, following) in enumerate(pairwise(matrix)):
        end = frames
        if kv_cache is not None:
            end = int((now != following).nonzero().max()) + 1
            if resting[row] > begin:
                rest = slice(begin, resting[row])
                told = levels[row, :, rest].clamp(min=0)
                denoiser(window[:, rest], told, actions, positions[rest], kv_cache)
                begin = resting[row]
        part = slice(begin, end)
        noisy, level = window[:, part], levels[row, :, part]
        output = denoiser(noisy, level.clamp(min=0), actions, positions[part], kv_cache)
        clean = objective.to_clean(output, noisy, level)
        if clip:
            clean = clean.clamp(-1, 1)
        renewed = fresh(window)[:, part] if fresh and eta else None
        following = levels[row + 1, :, part]
        window[:, part] = objective.step(noisy, clean, level, following, eta, renewed)
    return window


def _resting(matrix: Tensor) -> Tensor:
    """At each row of a matrix, how many of its first frames will not change any more, [rows]."""
    same = (matrix == matrix[-1]).long()
    rest = same.flip(0).cumprod(0).flip(0)
    return rest.cumprod(1).sum(1)
