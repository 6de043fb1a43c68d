"""Gaussian diffusion: its noise schedules, and DDIM's steps."""

import math
from typing import Literal

import torch
from torch import Tensor

from pipeline.noise.process import LEVELS, Process, Shift
from pipeline.params import Params

MIN_ALPHA_BAR = 1e-8
"""Smallest alpha_bar that the reference divides by; it clamps nowhere else."""
MIN_SCALE = MIN_ALPHA_BAR**0.5
"""The same bound on alpha and sigma."""


class Schedule(Params):
    """The noise schedule."""

    schedule: Literal["linear", "squared_cosine"]
    zero_terminal_snr: bool
    shift: Shift


def linear_betas(count: int = LEVELS) -> Tensor:
    """Betas float64 [count] from 1e-4 to 0.02 at 1000 levels (Ho et al. 2020, sec. 4)."""
    scale = 1000 / count
    return torch.linspace(scale * 1e-4, scale * 0.02, count, dtype=torch.float64)


def cosine_betas(count: int = LEVELS) -> Tensor:
    """Betas float64 [count] of the squared cosine (Nichol & Dhariwal 2021, eq. 17)."""

    def alpha_bar(time: float) -> float:
        return math.cos((time + 0.008) / 1.008 * math.pi / 2) ** 2

    ratios = [alpha_bar((i + 1) / count) / alpha_bar(i / count) for i in range(count)]
    return torch.tensor([min(1 - ratio, 0.999) for ratio in ratios], dtype=torch.float64)


def zero_terminal_snr(betas: Tensor) -> Tensor:
    """Rescale betas so that the last level is pure noise (Lin et al. 2024, algorithm 1)."""
    # Terminal SNR must be zero or the first sampled frame inherits the mean colour (ibid., sec. 3).
    root = (1 - betas).cumprod(0).sqrt()
    root = (root - root[-1]) * root[0] / (root[0] - root[-1])
    alpha_bar = root.square()
    return 1 - torch.cat([alpha_bar[:1], alpha_bar[1:] / alpha_bar[:-1]])


def betas(options: Schedule) -> Tensor:
    """Betas float64 [LEVELS] of a schedule, before its shift."""
    unscaled = linear_betas() if options.schedule == "linear" else cosine_betas()
    return zero_terminal_snr(unscaled) if options.zero_terminal_snr else unscaled


def alpha_bars(options: Schedule) -> Tensor:
    """alpha_bar = alpha^2 of each level, float64 [LEVELS], with SNR divided by shift^2."""
    bars = (1 - betas(options)).cumprod(0)
    return bars / (bars + options.shift**2 * (1 - bars))


class Gaussian(Process):
    """Variance-preserving noise, alpha^2 + sigma^2 = 1; a subclass says what is predicted."""

    stochastic_steps = True

    def __init__(self, options: Schedule) -> None:
        """Alpha = sqrt(alpha_bar), sigma = sqrt(1 - alpha_bar)."""
        bars = alpha_bars(options)
        super().__init__(bars.sqrt(), (1 - bars).sqrt())

    def step(
        self,
        noisy: Tensor,
        clean: Tensor,
        level: Tensor,
        next_level: Tensor,
        eta: float = 0.0,
        noise: Tensor | None = None,
    ) -> Tensor:
        """One DDIM step (Song et al. 2021, eq. 12) of noisy latents [B, T, C, h, w].

        Args:
            noisy: latents at `level`.
            clean: the current estimate of the clean latents.
            level: int64 [B, T].
            next_level: int64 [B, T], lower; frames that stay at their level are left untouched.
            eta: DDIM's stochasticity (ibid., eq. 16), 0 (deterministic) to 1 (DDPM).
            noise: standard normal [B, T, C, h, w] for eta > 0.
        """
        alpha, sigma = self.scales(level)  # [B, T, 1, 1, 1] each
        next_alpha, next_sigma = self.scales(next_level)
        # Predicted noise, computed from the clean estimate so that clipping applies to it too.
        eps = (noisy - alpha.clamp(min=MIN_SCALE) * clean) / sigma.clamp(min=MIN_SCALE)
        if noise is None or not eta:
            moved = next_alpha * clean + next_sigma * eps  # eq. 12 with sigma_t = 0
        else:
            # eq. 16: sigma_t = eta sqrt((1 - a') / (1 - a)) sqrt(1 - a / a'), a = alpha_bar.
            ratio = (1 - (alpha / next_alpha).square()).clamp(min=0).sqrt()
            std = eta * next_sigma / sigma.clamp(min=MIN_SCALE) * ratio
            direction = (next_sigma.square() - std.square()).clamp(min=0).sqrt()
            moved = next_alpha * clean + direction * eps + std * noise  # eq. 12
        return torch.where((level == next_level)[..., None, None, None], noisy, moved)
