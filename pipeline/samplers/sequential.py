"""One frame after the other, each conditioned on clean frames; the published protocol."""

from torch import Tensor

from pipeline.params import Params
from pipeline.samplers._one_by_one import one_by_one


class Options(Params):
    """No options."""


def build(options: Options) -> "Sequential":
    """The sampler."""
    return Sequential()


class Sequential:
    """Autoregressive sampling; a `Sampler`."""

    renoises = False

    def matrix(self, frames: int, context: int, timesteps: Tensor) -> Tensor:
        """Each frame takes all its steps in turn: [(frames - context) * steps + 1, frames]."""
        return one_by_one(frames, context, timesteps)
