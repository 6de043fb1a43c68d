"""Gaussian diffusion: its schedules, and the steps of DDIM."""

import math
from typing import Literal

import torch
from torch import Tensor

from pipeline.noise.process import LEVELS, Process, Shift
from pipeline.params import Params

FLOOR = 1e-8
"""Smallest power of a signal where the reference divides by it, and only there."""
LEAST = FLOOR**0.5


class Schedule(Params):
    """How the signal fades from level to level."""

    schedule: Literal["linear", "squared_cosine"]
    zero_terminal_snr: bool
    shift: Shift


def linear_betas(count: int = LEVELS) -> Tensor:
    """Betas float64 [count] from 1e-4 to 0.02 at 1000 levels (Ho et al. 2020, sec. 4)."""
    scale = 1000 / count
    return torch.linspace(scale * 1e-4, scale * 0.02, count, dtype=torch.float64)


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


def betas(options: Schedule) -> Tensor:
    """Betas float64 [LEVELS] of the chosen schedule."""
    chosen = linear_betas() if options.schedule == "linear" else cosine_betas()
    return zero_terminal_snr(chosen) if options.zero_terminal_snr else chosen


def signal_power(options: Schedule) -> Tensor:
    """Share of the signal in the variance, float64 [LEVELS]: of the betas, then shifted."""
    power = (1 - betas(options)).cumprod(0)
    return power / (power + options.shift**2 * (1 - power))


class Gaussian(Process):
    """Variance-preserving noise; the objectives with this process say what is predicted."""

    stochastic_steps = True

    def __init__(self, options: Schedule) -> None:
        """With the chosen schedule."""
        power = signal_power(options)
        super().__init__(power.sqrt(), (1 - power).sqrt())

    def step(
        self,
        noisy: Tensor,
        clean: Tensor,
        level: Tensor,
        following: Tensor,
        eta: float = 0.0,
        fresh: Tensor | None = None,
    ) -> Tensor:
        """From `level` to `following` along the line to `clean` (DDIM, Song et al. 2021, eq. 12).

        Frames that stay at their level are returned untouched. With eta > 0 part of the noise that
        remains is replaced by `fresh` noise (ibid., eq. 16).
        """
        signal, spread = self.scales(level)
        next_signal, next_spread = self.scales(following)
        noise = (noisy - signal.clamp(min=LEAST) * clean) / spread.clamp(min=LEAST)
        if fresh is None or not eta:
            moved = next_signal * clean + next_spread * noise
        else:
            lost = (1 - (signal / next_signal).square()).clamp(min=0).sqrt()
            renewed = eta * next_spread / spread.clamp(min=LEAST) * lost
            kept = (next_spread.square() - renewed.square()).clamp(min=0).sqrt()
            moved = next_signal * clean + kept * noise + renewed * fresh
        return torch.where((level == following)[..., None, None, None], noisy, moved)
