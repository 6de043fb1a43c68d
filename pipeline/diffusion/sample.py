"""Denoise a window of frames along a scheduling matrix (Chen et al. 2024, algorithm 2)."""

from collections.abc import Callable
from itertools import accumulate, repeat

import torch
from torch import Tensor

from pipeline.denoisers import Denoiser
from pipeline.objectives import Objective

DrawNoise = Callable[[Tensor], Tensor]
"""Draws standard normal noise of a window's shape [B, T, C, h, w]."""


def ddim_timesteps(steps: int, levels: int, spacing: str = "trailing") -> Tensor:
    """Levels int64 [steps + 1] from levels - 1 down to -1 (clean), evenly spaced.

    `trailing` is what the reference evaluates and plans with: from levels - 1 to -1, truncated from
    float32 (df_sample.py, `ddim_idx_to_timestep`). `linspace` is what its rollout.py samples with:
    from levels - 1 to 0, added up in float64 and rounded, then -1 (`space_timesteps` of Nichol &
    Dhariwal's code, its respace.py).
    """
    if spacing == "trailing":
        return torch.linspace(-1, levels - 1, steps + 1).long().flip(0)
    # Added up stride by stride, as the reference does: 10 x 49.95 comes out just below 499.5.
    strides = repeat((levels - 1) / (steps - 1), steps - 1)
    spaced = [round(position) for position in accumulate(strides, initial=0.0)]
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
    draw_noise: DrawNoise | None = None,
    use_kv_cache: bool = True,
) -> Tensor:
    """Move a window from row to row of a scheduling matrix, by one DDIM or Euler step each.

    With a causal denoiser only frames whose level changes are computed; finished frames are run
    once to fill the KV cache, frames still at pure noise are skipped.

    Args:
        denoiser: the network.
        objective: what its output predicts.
        matrix: levels int64 [rows, T]; see `Sampler.matrix`. Constant columns are context.
        window: [B, T, C, h, w], context frames first, then pure noise.
        actions: [B, T, A], scaled as network input, or None.
        clip: clamp each estimate of the clean latents to -1..1.
        eta: DDIM's stochasticity, 0 (deterministic) to 1 (DDPM); needs `draw_noise`.
        draw_noise: draws the noise of stochastic steps.
        use_kv_cache: False computes all frames at every step, as the reference does.

    Returns:
        The window [B, T, C, h, w] with every frame at the level of the matrix's last row.
    """
    window = window.clone()  # [B, T, C, h, w]
    batch, frames = window.shape[:2]
    kv_cache = denoiser.kv_cache(batch) if use_kv_cache and denoiser.causal else None
    finished = _finished_frames(matrix).tolist()  # [rows]
    moving = matrix[:-1] != matrix[1:]  # [rows - 1, T]
    levels = matrix.to(window.device)[:, None].expand(-1, batch, -1)  # [rows, B, T]
    positions = torch.arange(frames, device=window.device)  # [T]
    begin = 0  # frames before this one are in the KV cache
    for row in range(len(moving)):
        end = frames
        if kv_cache is not None:
            end = int(moving[row].nonzero().max()) + 1
            if finished[row] > begin:
                rest = slice(begin, finished[row])
                level = levels[row, :, rest].clamp(min=0)  # [B, finished - begin]
                denoiser(window[:, rest], level, actions, positions[rest], kv_cache)
                begin = finished[row]
        active = slice(begin, end)
        noisy, level = window[:, active], levels[row, :, active]  # [B, S, C, h, w], [B, S]
        # The network has no embedding of CLEAN (-1): clean frames are conditioned on level 0.
        output = denoiser(noisy, level.clamp(min=0), actions, positions[active], kv_cache)
        clean = objective.to_clean(output, noisy, level)  # [B, S, C, h, w]
        if clip:
            clean = clean.clamp(-1, 1)
        # Noise is drawn for the whole window, so that its frames do not depend on the KV cache.
        noise = draw_noise(window)[:, active] if draw_noise and eta else None
        next_level = levels[row + 1, :, active]  # [B, S]
        window[:, active] = objective.step(noisy, clean, level, next_level, eta, noise)
    return window


def _finished_frames(matrix: Tensor) -> Tensor:
    """Number of leading frames whose level does not change from each row on, [rows]."""
    same = (matrix == matrix[-1]).long()  # [rows, T]
    finished = same.flip(0).cumprod(0).flip(0)  # [rows, T]: equal in this and all later rows
    return finished.cumprod(1).sum(1)  # [rows]: frames before the first unfinished one
