"""Noising processes: how much signal and how much noise a latent holds at each level."""

from typing import Annotated, Self

import torch
from pydantic import Field
from torch import Tensor

LEVELS = 1000

Shift = Annotated[
    float,
    Field(
        gt=0,
        description=(
            "divides sqrt(SNR) at every level; rule of thumb for latents C x h x w: "
            "sqrt(C h w / 4096)"
        ),
    ),
]
"""The more numbers tell of one frame, the more noise it takes to hide it.

SNR becomes SNR / shift^2 (Esser et al. 2024, eq. 23; Hoogeboom et al. 2023, sec. 3.1 for images);
the rule of thumb is that of Zheng et al. 2025 (RAE). 1 is the schedule as it is.
"""


class Process:
    """A latent at a level is signal x clean + spread x noise, for the level's two scales.

    Latents are [B, T, C, h, w], levels int64 [B, T] in 0..levels - 1, or CLEAN = -1.
    """

    levels = LEVELS
    stochastic_steps: bool
    """Whether `step` can add fresh noise (eta > 0)."""

    def __init__(self, signal: Tensor, spread: Tensor) -> None:
        """Scales float64 [levels] by level; that of a clean frame is added last, for -1."""
        clean = torch.tensor([[1.0], [0.0]], dtype=torch.float64)
        self.table = torch.cat([torch.stack([signal, spread]), clean], 1).float()

    def to(self, device: torch.device) -> Self:
        """Keep the scales on a device, so that no step copies them there."""
        self.table = self.table.to(device)
        return self

    def scales(self, level: Tensor) -> tuple[Tensor, Tensor]:
        """Scales of signal and noise, float32 [B, T, 1, 1, 1]."""
        signal, spread = self.table[:, level][..., None, None, None]
        return signal, spread

    def noised(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """Clean latents with noise mixed in; CLEAN leaves a frame as it is."""
        signal, spread = self.scales(level)
        return signal * clean + spread * noise

    def gain(self, level: Tensor) -> Tensor:
        """How much the clean latent moves when a network's answer moves by one, [B, T]."""
        raise NotImplementedError

    def min_snr(self, level: Tensor, gamma: float) -> Tensor:
        """Weight [B, T] of an answer's error if a clean latent's counts min(SNR, gamma).

        Min-SNR (Hang et al. 2023, sec. 3.4): min(SNR, gamma) / SNR for eps, / (SNR + 1) for v.
        """
        return self._snr(level).clamp(max=gamma) * self.gain(level).square()

    def reference_weight(self, level: Tensor, gamma: float) -> Tensor:
        """The weight that the reference gives to whatever is predicted: that of eps."""
        snr = self._snr(level).clamp(min=1e-8)
        return snr.clamp(max=gamma) / snr

    def _snr(self, level: Tensor) -> Tensor:
        signal, spread = self.table[:, level]
        return signal.square() / spread.square().clamp(min=1e-8)
