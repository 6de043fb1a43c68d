"""Gaussian noise whose successive values resemble each other: power 1/f^beta over time."""

import torch
from torch import Tensor

from pipeline.planners import Problem


def coloured(problem: Problem, candidates: int, exponent: float) -> Tensor:
    """Noise [B, candidates, H, A] of variance 1 at every step; exponent 0 is white.

    White noise is shaped in the frequency domain (Timmer & Koenig 1995) and scaled by the variance
    expected of it. A sequence is never divided by its own standard deviation, which at a horizon
    of 2 is often next to zero. A Fourier series is periodic, so that the last step would resemble
    the first: sequences are drawn at twice their length, and cut.
    """
    if not exponent:
        return problem.normal(candidates)
    horizon = problem.initial.shape[2]
    noise = problem.normal(2 * candidates)  # [B, 2N, H, A]
    noise = noise.unflatten(1, (candidates, 2)).flatten(2, 3)  # [B, N, 2H, A]
    length = noise.shape[2]
    # The constant part would be infinite: it is as strong as the slowest wave.
    frequencies = torch.fft.fftfreq(length, device=noise.device).abs().clamp(min=1 / length)
    amplitude = frequencies.pow(-exponent / 2)
    amplitude /= amplitude.square().mean().sqrt()
    half = amplitude[: length // 2 + 1, None]
    shaped = torch.fft.irfft(torch.fft.rfft(noise, dim=2) * half, n=length, dim=2)
    return shaped[:, :, :horizon]
