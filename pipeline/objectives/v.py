"""v-prediction (Salimans & Ho 2022, app. D): what the published models regress."""

from torch import Tensor

from pipeline.noise.gaussian import Gaussian, Schedule


class Options(Schedule):
    """The noise schedule."""


def build(options: Options) -> "VPrediction":
    """The objective."""
    return VPrediction(options)


class VPrediction(Gaussian):
    """v-prediction; an `Objective`."""

    def target(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """V = alpha eps - sigma x, the derivative of z by the angle arctan(sigma / alpha)."""
        alpha, sigma = self.scales(level)
        return alpha * noise - sigma * clean

    def to_clean(self, output: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        """X = alpha z - sigma v."""
        alpha, sigma = self.scales(level)
        return alpha * noisy - sigma * output

    def gain(self, level: Tensor) -> Tensor:
        """Sigma."""
        return self.table[1, level]
