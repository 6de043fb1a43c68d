"""Each frame one step behind its predecessor (Chen et al. 2024, fig. 3)."""

import torch
from torch import Tensor

from pipeline.noise.levels import CLEAN
from pipeline.params import Params


class Options(Params):
    """Nothing to choose."""


def build(options: Options) -> "Pyramid":
    """The order."""
    return Pyramid()


class Pyramid:
    """See `pipeline.samplers.Sampler`."""

    def matrix(self, frames: int, context: int, timesteps: Tensor) -> Tensor:
        """A frame begins when its predecessor has taken its first step."""
        steps = len(timesteps) - 1
        row = torch.arange(steps + frames - context)[:, None]
        levels = timesteps[(row - torch.arange(-context, frames - context)).clamp(0, steps)]
        levels[:, :context] = CLEAN
        return levels
