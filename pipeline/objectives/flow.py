"""Flow matching: straight paths from noise to data, regressing their velocity (Lipman 2023)."""

import torch
from torch import Tensor

from pipeline.noise.process import LEVELS, Process, Shift
from pipeline.params import Params


class Options(Params):
    """The shift; straight paths have no other schedule."""

    shift: Shift


def build(options: Options) -> "FlowMatching":
    """The objective."""
    return FlowMatching(options)


class FlowMatching(Process):
    """Rectified flow; an `Objective`. Level t is time 1 - (t + 1) / levels of the path.

    Time runs from pure noise at 0, the last level, to data at 1; sigma = 1 - time. A shift s maps
    sigma to s sigma / (1 + (s - 1) sigma) (Esser et al. 2024, eq. 23).
    """

    stochastic_steps = False

    def __init__(self, options: Options) -> None:
        """Alpha + sigma = 1."""
        time = 1 - (torch.arange(LEVELS, dtype=torch.float64) + 1) / LEVELS  # [levels]
        left = 1 - time
        divisor = 1 + (options.shift - 1) * left
        super().__init__(time / divisor, options.shift * left / divisor)
        self.min_sigma = float(self.table[1, 0])

    def target(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """Velocity dz/dtime = x - eps (Lipman et al. 2023, eq. 23), constant along the path."""
        return clean - noise

    def to_clean(self, output: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        """X = z + sigma velocity, the end of the path."""
        _, sigma = self.scales(level)
        return noisy + sigma * output

    def gain(self, level: Tensor) -> Tensor:
        """Sigma."""
        return self.table[1, level]

    def reference_weight(self, level: Tensor, gamma: float) -> Tensor:
        """Ones: the reference does not weight the levels of a flow."""
        return torch.ones_like(self.table[0, level])

    def step(
        self,
        noisy: Tensor,
        clean: Tensor,
        level: Tensor,
        next_level: Tensor,
        eta: float = 0.0,
        noise: Tensor | None = None,
    ) -> Tensor:
        """One Euler step of dz/dtime = velocity, [B, T, C, h, w]; frames at rest are untouched."""
        assert not eta, "the steps of a flow are deterministic"
        _, sigma = self.scales(level)  # [B, T, 1, 1, 1]
        _, next_sigma = self.scales(next_level)
        velocity = (clean - noisy) / sigma.clamp(min=self.min_sigma)
        moved = noisy + (sigma - next_sigma) * velocity
        return torch.where((level == next_level)[..., None, None, None], noisy, moved)
