"""Each frame one step behind the one before it (Diffusion Forcing, Chen et al. 2024, fig. 3)."""

import torch
from torch import Tensor

from pipeline.noise.levels import CLEAN
from pipeline.params import Params


class Options(Params):
    """No options."""


def build(options: Options) -> "Pyramid":
    """The sampler."""
    return Pyramid()


class Pyramid:
    """The pyramid schedule; a `Sampler`."""

    renoises = False

    def matrix(self, frames: int, context: int, timesteps: Tensor) -> Tensor:
        """Frame i starts i - context steps late: [steps + frames - context, frames]."""
        steps = len(timesteps) - 1
        row = torch.arange(steps + frames - context)[:, None]  # [rows, 1]
        taken = row - torch.arange(-context, frames - context)  # [rows, frames], steps taken
        levels = timesteps[taken.clamp(0, steps)]
        levels[:, :context] = CLEAN
        return levels
