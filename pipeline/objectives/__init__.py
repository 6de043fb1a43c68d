"""Objectives: what a denoiser regresses, and how that becomes a clean latent again."""

from typing import Protocol, Self

import torch
from torch import Tensor


class Objective(Protocol):
    """The one place that knows what is predicted. `objectives/NAME.py` offers `Options`, `build`.

    Latents are [B, T, C, h, w], levels int64 [B, T] in 0..levels - 1, or -1 for a clean frame.
    """

    levels: int
    stochastic_steps: bool
    """Whether `step` can add fresh noise."""

    def to(self, device: torch.device) -> Self:
        """Keep the tables of the noise on a device."""

    def noised(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """Clean latents with noise mixed in."""

    def target(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """What the network should answer."""

    def to_clean(self, output: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        """Clean latents that an answer stands for."""

    def min_snr(self, level: Tensor, gamma: float) -> Tensor:
        """Weight [B, T] of an answer's error if a clean latent's counts min(SNR, gamma)."""

    def reference_weight(self, level: Tensor, gamma: float) -> Tensor:
        """The weight [B, T] with which the published models were trained."""

    def step(
        self,
        noisy: Tensor,
        clean: Tensor,
        level: Tensor,
        following: Tensor,
        eta: float = 0.0,
        fresh: Tensor | None = None,
    ) -> Tensor:
        """Noisy latents moved from `level` to the lower level `following`."""
