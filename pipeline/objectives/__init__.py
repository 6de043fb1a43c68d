"""Objectives: what a denoiser predicts, and how that gives back a clean latent."""

from typing import Protocol, Self

import torch
from torch import Tensor

from pipeline.families import Family, Module, family
from pipeline.params import Params


class Objective(Protocol):
    """A prediction target and its noise process. `objectives/NAME.py` has `Options` and `build`.

    Latents are [B, T, C, h, w], levels int64 [B, T] in 0..levels - 1, or -1 for a clean frame.
    """

    levels: int
    stochastic_steps: bool
    """Whether `step` can add noise (eta > 0)."""

    def to(self, device: torch.device) -> Self:
        """Keep the tables of the noise process on a device."""

    def noised(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """Noisy latents of clean ones, the forward process."""

    def target(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """The regression target of the network."""

    def to_clean(self, output: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        """The estimate of the clean latents that the network's output implies."""

    def min_snr(self, level: Tensor, gamma: float) -> Tensor:
        """Weight [B, T] of the output's error when that of the clean latent has min(SNR, gamma)."""

    def reference_weight(self, level: Tensor, gamma: float) -> Tensor:
        """The loss weight [B, T] with which the published models were trained."""

    def step(
        self,
        noisy: Tensor,
        clean: Tensor,
        level: Tensor,
        next_level: Tensor,
        eta: float = 0.0,
        noise: Tensor | None = None,
    ) -> Tensor:
        """Noisy latents moved from `level` to the lower `next_level`."""


OBJECTIVES: Family[Module[Objective, Params], Params] = family("objectives")
