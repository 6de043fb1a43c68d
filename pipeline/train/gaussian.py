"""Gaussian diffusion with a squared-cosine schedule and zero terminal SNR."""

import math
from functools import cache

import torch
from torch import Tensor

LEVELS = 1000


def cosine_betas(count: int = LEVELS) -> Tensor:
    """Betas float64 [count] of the squared cosine (Nichol & Dhariwal 2021, eq. 17)."""

    def signal(time: float) -> float:
        return math.cos((time + 0.008) / 1.008 * math.pi / 2) ** 2

    ratios = [signal((i + 1) / count) / signal(i / count) for i in range(count)]
    return torch.tensor([min(1 - ratio, 0.999) for ratio in ratios], dtype=torch.float64)


def zero_terminal_snr(betas: Tensor) -> Tensor:
    """Rescale betas so that the last level is pure noise (Lin et al. 2024, algorithm 1)."""
    # Terminal SNR must be zero or the first sampled frame inherits the mean colour (ibid., sec. 3).
    root = (1 - betas).cumprod(0).sqrt()
    root = (root - root[-1]) * root[0] / (root[0] - root[-1])
    signal = root.square()
    return 1 - torch.cat([signal[:1], signal[1:] / signal[:-1]])


@cache
def signal_power() -> Tensor:
    """Cumulative alphas float64 [LEVELS + 1] by level, with a last 1 that CLEAN = -1 indexes."""
    alphas = (1 - zero_terminal_snr(cosine_betas())).cumprod(0)
    return torch.cat([alphas, torch.ones(1, dtype=torch.float64)])


def scales(level: Tensor) -> tuple[Tensor, Tensor]:
    """Factors of signal and noise, float32 [B, T, 1, 1, 1], for levels [B, T]."""
    power = signal_power().to(level.device)[level][..., None, None, None]
    return power.sqrt().float(), (1 - power).sqrt().float()


class Gaussian:
    """The noising and denoising that objectives with this process share."""

    levels = LEVELS

    def noised(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """Latents [B, T, C, h, w] at levels [B, T]; CLEAN leaves a frame as it is."""
        signal, spread = scales(level)
        return signal * clean + spread * noise

    def step(self, noisy: Tensor, clean: Tensor, level: Tensor, following: Tensor) -> Tensor:
        """From `level` to `following` along the line to `clean` (DDIM, Song et al. 2021, eq. 12).

        Frames that stay at their level are returned untouched.
        """
        signal, spread = scales(level)
        next_signal, next_spread = scales(following)
        # The reference floors the signal's power at 1e-8 here, and here alone.
        noise = (noisy - signal.clamp(min=1e-4) * clean) / spread.clamp(min=1e-4)
        moved = next_signal * clean + next_spread * noise
        return torch.where((level == following)[..., None, None, None], noisy, moved)
