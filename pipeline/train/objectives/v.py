"""Predict the velocity (Salimans & Ho 2022, app. D): what the published models regress."""

from torch import Tensor

from pipeline.params import Params
from pipeline.train.gaussian import Gaussian, scales


class Options(Params):
    """Nothing to choose."""


def build(options: Options) -> "Velocity":
    """The objective."""
    return Velocity()


class Velocity(Gaussian):
    """See `pipeline.train.objectives.Objective`."""

    def target(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """The derivative of the noisy latent along the angle from signal to noise."""
        signal, spread = scales(level)
        return signal * noise - spread * clean

    def to_clean(self, output: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        """Turned back by that angle."""
        signal, spread = scales(level)
        return signal * noisy - spread * output
