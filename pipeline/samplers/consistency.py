"""Few-step students, frame after frame: estimate the clean frame, noise it anew, estimate again.

Multistep consistency sampling (Song et al. 2023, algorithm 1). A student's steps start from the
levels that it was distilled to; those of any other model are spaced as `sampling.spacing` says.
"""

from torch import Tensor

from pipeline.params import Params
from pipeline.samplers._one_by_one import one_by_one


class Options(Params):
    """No options."""


def build(options: Options) -> "Consistency":
    """The sampler."""
    return Consistency()


class Consistency:
    """Autoregressive sampling by a consistency function; a `Sampler`."""

    renoises = True

    def matrix(self, frames: int, context: int, timesteps: Tensor) -> Tensor:
        """Each frame takes all its steps in turn: [(frames - context) * steps + 1, frames]."""
        return one_by_one(frames, context, timesteps)
