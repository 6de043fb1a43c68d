"""Objectives: what a denoiser regresses, and how that becomes a clean latent again."""

from typing import Protocol

from torch import Tensor


class Objective(Protocol):
    """The one place that knows what is predicted. `objectives/NAME.py` offers `Options`, `build`.

    Latents are [B, T, C, h, w], levels int64 [B, T] in 0..levels - 1, or -1 for a clean frame.
    """

    levels: int

    def noised(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """Clean latents with noise mixed in."""

    def target(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """What the network should answer."""

    def to_clean(self, output: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        """Clean latents that an answer stands for."""

    def step(self, noisy: Tensor, clean: Tensor, level: Tensor, following: Tensor) -> Tensor:
        """Noisy latents moved from `level` to the lower level `following`."""
