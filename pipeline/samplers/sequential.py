"""One frame after the other, each conditioned on clean frames; the published protocol."""

import torch
from torch import Tensor

from pipeline.params import Params


class Options(Params):
    """No options."""


def build(options: Options) -> "Sequential":
    """The sampler."""
    return Sequential()


class Sequential:
    """Autoregressive sampling; a `Sampler`."""

    def matrix(self, frames: int, context: int, timesteps: Tensor) -> Tensor:
        """Each frame takes all its steps in turn: [(frames - context) * steps + 1, frames]."""
        steps = len(timesteps) - 1
        row = torch.arange((frames - context) * steps + 1)[:, None]  # [rows, 1]
        taken = row - torch.arange(-context, frames - context) * steps  # [rows, frames]
        return timesteps[taken.clamp(0, steps)]
