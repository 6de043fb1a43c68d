"""Predict the noise (Ho et al. 2020, eq. 14)."""

from pydantic import model_validator
from torch import Tensor

from pipeline.noise.gaussian import LEAST, Gaussian, Schedule


class Options(Schedule):
    """The schedule; at zero terminal SNR the noise says nothing about the clean latent."""

    @model_validator(mode="after")
    def _some_signal(self) -> "Options":
        if self.zero_terminal_snr:
            raise ValueError(
                "eps cannot be trained with zero_terminal_snr: pure noise holds no trace of the "
                "clean latent; set zero_terminal_snr: false or choose objective v"
            )
        return self


def build(options: Options) -> "Noise":
    """The objective."""
    return Noise(options)


class Noise(Gaussian):
    """See `pipeline.objectives.Objective`."""

    def target(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """The noise that was mixed in."""
        return noise

    def to_clean(self, output: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        """What remains without that noise, scaled up; `step` finds the same noise in it again."""
        signal, spread = self.scales(level)
        return (noisy - spread * output) / signal.clamp(min=LEAST)

    def gain(self, level: Tensor) -> Tensor:
        """The ratio of noise to signal."""
        signal, spread = self.table[:, level]
        return spread / signal
