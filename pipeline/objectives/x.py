"""Predict the clean latent itself."""

import torch
from torch import Tensor

from pipeline.noise.gaussian import Gaussian, Schedule


class Options(Schedule):
    """The schedule."""


def build(options: Options) -> "Clean":
    """The objective."""
    return Clean(options)


class Clean(Gaussian):
    """See `pipeline.objectives.Objective`."""

    def target(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """The clean latent."""
        return clean

    def to_clean(self, output: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        """The answer as it is."""
        return output

    def gain(self, level: Tensor) -> Tensor:
        """One."""
        return torch.ones_like(self.table[0, level])
