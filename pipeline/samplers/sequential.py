"""One frame after the other, each denoised on clean predecessors; the published protocol."""

import torch
from torch import Tensor

from pipeline.params import Params


class Options(Params):
    """Nothing to choose."""


def build(options: Options) -> "Sequential":
    """The order."""
    return Sequential()


class Sequential:
    """See `pipeline.samplers.Sampler`."""

    def matrix(self, frames: int, context: int, timesteps: Tensor) -> Tensor:
        """Frame after frame runs through all the timesteps."""
        steps = len(timesteps) - 1
        row = torch.arange((frames - context) * steps + 1)[:, None]
        begun = row - torch.arange(-context, frames - context) * steps
        return timesteps[begun.clamp(0, steps)]
