"""Samplers: the order in which the frames of a window are denoised, as a scheduling matrix."""

from typing import Protocol

from torch import Tensor

from pipeline.families import Family, Module, family
from pipeline.params import Params


class Sampler(Protocol):
    """A scheduling matrix (Chen et al. 2024). `samplers/NAME.py` offers `Options` and `build`."""

    renoises: bool
    """Whether a step noises the estimate of the clean frame anew, by fresh noise, down to the next
    level, as few-step students need it; otherwise it is a step of DDIM or Euler. Frames then move
    one at a time."""

    def matrix(self, frames: int, context: int, timesteps: Tensor) -> Tensor:
        """Levels int64 [rows, frames], from pure noise in the first row to clean in the last.

        No frame grows noisier from one row to the next, and at least one loses noise.

        Args:
            frames: length of the window.
            context: number of leading context frames; their level is -1 throughout.
            timesteps: levels int64 [steps + 1] that each frame passes through, descending to -1.
        """


SAMPLERS: Family[Module[Sampler, Params], Params] = family("samplers")
