"""Predict the velocity (Salimans & Ho 2022, app. D): what the published models regress."""

from torch import Tensor

from pipeline.noise.gaussian import Gaussian, Schedule


class Options(Schedule):
    """The schedule."""


def build(options: Options) -> "Velocity":
    """The objective."""
    return Velocity(options)


class Velocity(Gaussian):
    """See `pipeline.objectives.Objective`."""

    def target(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """The derivative of the noisy latent along the angle from signal to noise."""
        signal, spread = self.scales(level)
        return signal * noise - spread * clean

    def to_clean(self, output: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        """Turned back by that angle."""
        signal, spread = self.scales(level)
        return signal * noisy - spread * output

    def gain(self, level: Tensor) -> Tensor:
        """The noise's scale: from none at clean levels to one at pure noise."""
        return self.table[1, level]
