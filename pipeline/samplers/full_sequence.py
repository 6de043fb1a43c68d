"""All frames of a window at once, at the same level (full-sequence diffusion)."""

from torch import Tensor

from pipeline.noise.levels import CLEAN
from pipeline.params import Params


class Options(Params):
    """No options."""


def build(options: Options) -> "FullSequence":
    """The sampler."""
    return FullSequence()


class FullSequence:
    """Full-sequence diffusion; a `Sampler`."""

    renoises = False

    def matrix(self, frames: int, context: int, timesteps: Tensor) -> Tensor:
        """A row per timestep, the same for all generated frames: [steps + 1, frames]."""
        levels = timesteps[:, None].repeat(1, frames)  # [steps + 1, frames]
        levels[:, :context] = CLEAN
        return levels
