"""Noise processes: the scales of clean latent and noise at each level."""

from typing import Annotated, Self

import torch
from pydantic import Field
from torch import Tensor

LEVELS = 1000
EPS = 1e-8
"""Smallest noise variance, and smallest SNR, that the reference divides by."""

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
"""The more dimensions a frame has, the more noise it takes to destroy its information.

SNR becomes SNR / shift^2 (Esser et al. 2024, eq. 23; Hoogeboom et al. 2023, sec. 3.1 for images);
the rule of thumb is that of Zheng et al. 2025 (RAE). 1 leaves the schedule as it is.
"""


class Process:
    """z = alpha x + sigma eps, with alpha and sigma by level (Kingma et al. 2021, eq. 1).

    Latents are [B, T, C, h, w], levels int64 [B, T] in 0..levels - 1, or CLEAN = -1.
    """

    levels = LEVELS
    stochastic_steps: bool
    """Whether `step` can add noise (eta > 0)."""

    def __init__(self, alpha: Tensor, sigma: Tensor) -> None:
        """From alpha and sigma of each level, float64 [levels]."""
        # Appended last, so that index -1 is the clean level: alpha 1, sigma 0.
        clean = torch.tensor([[1.0], [0.0]], dtype=torch.float64)
        self.table = torch.cat([torch.stack([alpha, sigma]), clean], 1).float()  # [2, levels + 1]

    def to(self, device: torch.device) -> Self:
        """Keep the table on a device, so that no step copies it there."""
        self.table = self.table.to(device)
        return self

    def scales(self, level: Tensor) -> tuple[Tensor, Tensor]:
        """Alpha and sigma of levels [B, T], float32 [B, T, 1, 1, 1] each."""
        alpha, sigma = self.table[:, level][..., None, None, None]
        return alpha, sigma

    def noised(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """Noisy latents [B, T, C, h, w], the forward process q(z | x); CLEAN adds no noise."""
        alpha, sigma = self.scales(level)
        return alpha * clean + sigma * noise

    def gain(self, level: Tensor) -> Tensor:
        """|d clean / d output| of `to_clean`, [B, T]."""
        raise NotImplementedError

    def min_snr(self, level: Tensor, gamma: float) -> Tensor:
        """Weight [B, T] of the output's error when that of the clean latent has min(SNR, gamma).

        Min-SNR (Hang et al. 2023, sec. 3.4): min(SNR, gamma) / SNR for eps, / (SNR + 1) for v.
        """
        return self._snr(level).clamp(max=gamma) * self.gain(level).square()

    def reference_weight(self, level: Tensor, gamma: float) -> Tensor:
        """Min-SNR weight of eps [B, T], which the reference uses whatever is predicted."""
        snr = self._snr(level).clamp(min=EPS)
        return snr.clamp(max=gamma) / snr

    def _snr(self, level: Tensor) -> Tensor:
        """Signal-to-noise ratio alpha^2 / sigma^2, [B, T]."""
        alpha, sigma = self.table[:, level]
        return alpha.square() / sigma.square().clamp(min=EPS)
