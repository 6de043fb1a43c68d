"""Straight paths from noise to data, regressing their velocity (Lipman et al. 2023, eq. 23)."""

import torch
from torch import Tensor

from pipeline.noise.process import LEVELS, Process, Shift
from pipeline.params import Params


class Options(Params):
    """The path is straight: what is left is where its levels lie."""

    shift: Shift


def build(options: Options) -> "Flow":
    """The objective."""
    return Flow(options)


class Flow(Process):
    """See `pipeline.objectives.Objective`. Level t is time 1 - (t + 1) / levels of the path.

    A clean frame stands at time 1, the last level at 0: pure noise. A shift s takes what is left of
    the time, u, to s u / (1 + (s - 1) u) (Esser et al. 2024, eq. 23).
    """

    stochastic_steps = False

    def __init__(self, options: Options) -> None:
        """Signal and spread add up to one."""
        time = 1 - (torch.arange(LEVELS, dtype=torch.float64) + 1) / LEVELS
        left = 1 - time
        stretched = 1 + (options.shift - 1) * left
        super().__init__(time / stretched, options.shift * left / stretched)
        self.least = float(self.table[1, 0])

    def target(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """The velocity, the same all along the path."""
        return clean - noise

    def to_clean(self, output: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        """Where the path ends."""
        _, spread = self.scales(level)
        return noisy + spread * output

    def gain(self, level: Tensor) -> Tensor:
        """The time that is left."""
        return self.table[1, level]

    def reference_weight(self, level: Tensor, gamma: float) -> Tensor:
        """None: the reference weighs all levels of a flow alike."""
        return torch.ones_like(self.table[0, level])

    def step(
        self,
        noisy: Tensor,
        clean: Tensor,
        level: Tensor,
        following: Tensor,
        eta: float = 0.0,
        fresh: Tensor | None = None,
    ) -> Tensor:
        """Euler's step of dx/dt = velocity from the time of `level` to that of `following`."""
        assert not eta, "the steps of a flow are deterministic"
        _, left = self.scales(level)
        _, next_left = self.scales(following)
        velocity = (clean - noisy) / left.clamp(min=self.least)
        moved = noisy + (left - next_left) * velocity
        return torch.where((level == following)[..., None, None, None], noisy, moved)
