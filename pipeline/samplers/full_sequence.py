"""All frames of a window at once, at one common level."""

from torch import Tensor

from pipeline.noise.levels import CLEAN
from pipeline.params import Params


class Options(Params):
    """Nothing to choose."""


def build(options: Options) -> "FullSequence":
    """The order."""
    return FullSequence()


class FullSequence:
    """See `pipeline.samplers.Sampler`."""

    def matrix(self, frames: int, context: int, timesteps: Tensor) -> Tensor:
        """Every generated frame runs through the timesteps at the same time."""
        levels = timesteps[:, None].repeat(1, frames)
        levels[:, :context] = CLEAN
        return levels
