"""Denoise a window of frames along a scheduling matrix (Chen et al. 2024, algorithm 2)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from itertools import accumulate, repeat
from typing import ParamSpec

import torch
from torch import Tensor

from pipeline.denoisers import Denoiser, KVCache
from pipeline.noise.levels import CLEAN
from pipeline.objectives import Objective

Renew = Callable[[int, int], Tensor]
"""Fresh normal noise [B or 1, 1, C, h, w] of a frame of the window, after its step 1, 2, ..."""

Arguments = ParamSpec("Arguments")

DrawNoise = Callable[[Tensor], Tensor]
"""Draws standard normal noise of a window's shape [B, T, C, h, w]."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """The first frames of a window, clean, which the network has run already.

    Attributes:
        kv_cache: their keys and values, for the whole batch; sampling goes on in it.
        frames: how many they are.
    """

    kv_cache: KVCache
    frames: int


def differentiable(*values: object) -> bool:
    """Whether any of the values is a tensor through which a gradient is to pass."""
    tensors = (value for value in values if isinstance(value, Tensor))
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def inference_unless_differentiable(
    function: Callable[Arguments, Tensor],
) -> Callable[Arguments, Tensor]:
    """A function that runs in inference mode unless a gradient is to pass through an argument."""

    @wraps(function)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Tensor:
        with torch.inference_mode(not differentiable(*args, *kwargs.values())):
            return function(*args, **kwargs)

    return run


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


@inference_unless_differentiable
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
    prefix: Callable[[], Prefix] | None = None,
    renew: Renew | None = None,
) -> Tensor:
    """Move a window from row to row of a scheduling matrix, by one DDIM or Euler step each.

    With a causal denoiser only frames whose level changes are computed; finished frames are run
    once to fill the KV cache, frames still at pure noise are skipped. Gradients pass through.

    Args:
        denoiser: the network.
        objective: what its output predicts.
        matrix: levels int64 [rows, T]; see `Sampler.matrix`. Constant columns are context.
        window: [B, T, C, h, w], context frames first, then pure noise.
        actions: [B, T, A], scaled as network input, or None.
        clip: clamp each estimate of the clean latents to -1..1.
        eta: DDIM's stochasticity, 0 (deterministic) to 1 (DDPM); needs `draw_noise`.
        draw_noise: draws the noise of stochastic steps, for whole windows even with a KV cache.
        use_kv_cache: False computes all frames at every step, as the reference does.
        prefix: makes the KV cache of the first context frames, instead of running them.
        renew: draws the noise by which, instead, estimates of clean frames are noised anew.

    Returns:
        The window [B, T, C, h, w] with every frame at the level of the matrix's last row.
    """
    batch, frames = window.shape[:2]
    kv_cache, begin = _known(denoiser, batch, prefix) if use_kv_cache else (None, 0)
    finished = _finished_frames(matrix).tolist()  # [rows]
    moving = matrix[:-1] != matrix[1:]  # [rows - 1, T]
    levels = matrix.to(window.device)[:, None].expand(-1, batch, -1)  # [rows, B, T]
    positions = torch.arange(frames, device=window.device)  # [T]
    for row in range(len(moving)):
        end = frames if kv_cache is None else int(moving[row].nonzero().max()) + 1
        if kv_cache is not None:
            rest = positions[begin : finished[row]]
            _remember(denoiser, window, levels[row], actions, rest, kv_cache)
            begin = max(begin, finished[row])
        active = slice(begin, end)
        noisy, level = window[:, active], levels[row, :, active]  # [B, S, C, h, w], [B, S]
        predict = partial(denoiser, actions=actions, positions=positions[active], kv_cache=kv_cache)
        clean = estimate(predict, objective, noisy, level, clip=clip)
        after = levels[row + 1, :, active]
        if renew is None:
            noise = draw_noise(window)[:, active] if draw_noise and eta else None
            moved = objective.step(noisy, clean, level, after, eta, noise)
        else:
            fresh = _fresh(moving[: row + 1], matrix[row + 1], renew)
            moved = renoised(objective, noisy, clean, level, after, fresh)
        window = torch.cat([window[:, :begin], moved, window[:, end:]], 1)  # [B, T, C, h, w]
    return window


def _remember(
    denoiser: Denoiser,
    window: Tensor,
    levels: Tensor,
    actions: Tensor | None,
    finished: Tensor,
    kv_cache: KVCache,
) -> None:
    """Run frames at places int64 [n] of a window, which have just been finished."""
    if len(finished):
        level = levels[:, finished].clamp(min=0)
        denoiser(window[:, finished], level, actions, finished, kv_cache)


def estimate(
    predict: Callable[[Tensor, Tensor], Tensor],
    objective: Objective,
    noisy: Tensor,
    level: Tensor,
    *,
    clip: bool,
) -> Tensor:
    """The clean frames that a network sees in noisy ones [B, S, C, h, w] at levels [B, S].

    `predict` runs the network on frames and timesteps; `clip` clamps the estimate to -1..1.
    """
    # The network has no embedding of CLEAN (-1): clean frames are conditioned on level 0.
    clean = objective.to_clean(predict(noisy, level.clamp(min=0)), noisy, level)
    return clean.clamp(-1, 1) if clip else clean


def renoised(
    objective: Objective,
    noisy: Tensor,
    clean: Tensor,
    level: Tensor,
    after: Tensor,
    fresh: Tensor,
) -> Tensor:
    """Estimates of clean frames [B, S, C, h, w] noised to the levels `after` [B, S].

    Frames whose level stays are left as they are. `fresh` [B or 1, 1, C, h, w] is the noise, which
    none is needed of where that level is clean.
    """
    moved = objective.noised(clean, fresh.to(clean).expand_as(clean), after)
    return torch.where((level == after)[..., None, None, None], noisy, moved)


def _fresh(moving: Tensor, after: Tensor, renew: Renew) -> Tensor:
    """Noise of the one frame that moves in the last of the rows `moving` [rows, T], all so far.

    Zero if it is clean then, by its level in `after` [T].
    """
    frame = int(moving[-1].nonzero())
    if after[frame] == CLEAN:
        return torch.zeros(1)
    return renew(frame, int(moving[:, frame].sum()))


def _known(
    denoiser: Denoiser, batch: int, prefix: Callable[[], Prefix] | None
) -> tuple[KVCache | None, int]:
    """The KV cache to begin with, None of a network that has none, and the frames in it."""
    if prefix is None:
        return denoiser.kv_cache(batch) if denoiser.causal else None, 0
    known = prefix()
    return known.kv_cache, known.frames


def _finished_frames(matrix: Tensor) -> Tensor:
    """Number of leading frames whose level does not change from each row on, [rows]."""
    same = (matrix == matrix[-1]).long()  # [rows, T]
    finished = same.flip(0).cumprod(0).flip(0)  # [rows, T]: equal in this and all later rows
    return finished.cumprod(1).sum(1)  # [rows]: frames before the first unfinished one
