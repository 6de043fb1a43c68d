"""All frames of a window at once, at one common level."""

from torch import Tensor

from pipeline.params import Params
from pipeline.train.noise.levels import CLEAN


class Options(Params):
    """Nothing to choose."""


def build(options: Options) -> "FullSequence":
    """The order."""
    return FullSequence()


class FullSequence:
    """See `pipeline.train.samplers.Sampler`."""

    def matrix(self, frames: int, context: int, timesteps: Tensor) -> Tensor:
        """Every generated frame runs through the timesteps at the same time."""
        levels = timesteps[:, None].repeat(1, frames)
        levels[:, :context] = CLEAN
        return levels
