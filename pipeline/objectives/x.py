"""Predict the clean latent itself."""

import torch
from torch import Tensor

from pipeline.noise.gaussian import Gaussian, Schedule


class Options(Schedule):
    """The noise schedule."""


def build(options: Options) -> "XPrediction":
    """The objective."""
    return XPrediction(options)


class XPrediction(Gaussian):
    """x-prediction; an `Objective`."""

    def target(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """x, the clean latent."""
        return clean

    def to_clean(self, output: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        """The output itself."""
        return output

    def gain(self, level: Tensor) -> Tensor:
        """One."""
        return torch.ones_like(self.table[0, level])
