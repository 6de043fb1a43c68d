"""Gaussian noise whose successive values resemble each other: power 1/f^beta over time."""

import torch
from torch import Tensor

from pipeline.planners import Problem

DESCRIPTION = (
    "beta: noise has power 1/f^beta over environment steps, so that actions go on for longer the "
    "larger it is; 0 is white"
)
"""Of the option `noise_exponent`."""


def coloured(problem: Problem, candidates: int, exponent: float) -> Tensor:
    """Noise [B, candidates, H, A] of variance 1 at every environment step.

    White noise is shaped in the frequency domain (Timmer & Koenig 1995) and scaled by the variance
    expected of it. A sequence is never divided by its own standard deviation, which is next to zero
    in some of few steps. A Fourier series is periodic, so that the last step would resemble the
    first: sequences are drawn at twice their length, and cut.
    """
    if not exponent:
        return problem.normal(candidates)
    noise = problem.normal(2 * candidates)  # [B, 2N, H, A]
    by_step = noise.unflatten(1, (candidates, 2)).unflatten(-1, (problem.interval, -1))
    steps = by_step.flatten(2, 4)  # [B, N, 2 H interval, a]
    length = steps.shape[2]
    # The constant part would be infinite: it is as strong as the slowest wave.
    frequencies = torch.fft.fftfreq(length, device=noise.device).abs().clamp(min=1 / length)
    amplitude = frequencies.pow(-exponent / 2)
    amplitude /= amplitude.square().mean().sqrt()
    spectrum = torch.fft.rfft(steps, dim=2) * amplitude[: length // 2 + 1, None]
    shaped = torch.fft.irfft(spectrum, n=length, dim=2)[:, :, : length // 2]
    return shaped.unflatten(2, (-1, problem.interval)).flatten(3)
