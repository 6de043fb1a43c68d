"""Predict the clean latent itself."""

from torch import Tensor

from pipeline.params import Params
from pipeline.train.gaussian import Gaussian


class Options(Params):
    """Nothing to choose."""


def build(options: Options) -> "Clean":
    """The objective."""
    return Clean()


class Clean(Gaussian):
    """See `pipeline.train.objectives.Objective`."""

    def target(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """The clean latent."""
        return clean

    def to_clean(self, output: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        """The answer as it is."""
        return output
