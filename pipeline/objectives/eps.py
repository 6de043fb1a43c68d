"""Predict the noise (Ho et al. 2020, eq. 14)."""

from pydantic import model_validator
from torch import Tensor

from pipeline.noise.gaussian import MIN_SCALE, Gaussian, Schedule


class Options(Schedule):
    """The noise schedule; with zero terminal SNR the noise would not determine the clean latent."""

    @model_validator(mode="after")
    def _some_signal(self) -> "Options":
        if self.zero_terminal_snr:
            raise ValueError(
                "eps cannot be trained with zero_terminal_snr: pure noise holds no trace of the "
                "clean latent; set zero_terminal_snr: false or choose objective v"
            )
        return self


def build(options: Options) -> "EpsPrediction":
    """The objective."""
    return EpsPrediction(options)


class EpsPrediction(Gaussian):
    """eps-prediction; an `Objective`."""

    def target(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """eps, the noise."""
        return noise

    def to_clean(self, output: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        """(z - sigma eps) / alpha (Ho et al. 2020, eq. 15); `step` recovers the same eps."""
        alpha, sigma = self.scales(level)
        return (noisy - sigma * output) / alpha.clamp(min=MIN_SCALE)

    def gain(self, level: Tensor) -> Tensor:
        """Sigma / alpha."""
        alpha, sigma = self.table[:, level]
        return sigma / alpha
