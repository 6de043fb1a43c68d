"""Whether latents have collapsed: a self-supervised encoder may map all frames to the same."""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

FLOAT16_STEP = 2.0**-10
"""Relative step of float16, in which latents are stored: smaller differences are lost there."""
ONE_DIRECTION = 1.1
"""An effective rank below this leaves 2 % of the singular values to all directions but one."""


@dataclass(frozen=True, slots=True)
class Health:
    """How much the latents of different frames differ, at the same place of the picture.

    The mean latent of each place is subtracted first: a transformer that has collapsed still
    tells its patches apart by their positions.

    Attributes:
        rank: effective number of directions in which they differ, from 1 to C.
        std: standard deviation over frames, mean of all channels and places; 0 if collapsed.
        rms: root mean square of the latents themselves.
        max_rank: largest rank that so many channels, frames and places allow.
    """

    rank: float
    std: float
    rms: float
    max_rank: int

    @property
    def collapsed(self) -> bool:
        """Whether frames hardly differ, or differ along one direction where more are possible."""
        constant = self.std <= FLOAT16_STEP * self.rms
        return self.max_rank > 0 and (constant or self.rank < ONE_DIRECTION < self.max_rank)


def measure_health(latents: Tensor) -> Health:
    """Health of the latents [N, C, h, w] of N different frames.

    The effective rank is exp of the entropy of the singular values, scaled to sum 1, of the matrix
    [N h w, C] (Roy & Vetterli 2007, def. 1).

    Raises:
        FloatingPointError: the latents are not finite.
    """
    exact = require_finite(latents).double()
    deviations = exact - exact.mean(0)
    rows = rearrange(deviations, "n c h w -> (n h w) c")
    # Singular values by the eigenvalues of a [C, C] matrix, however many frames there are.
    values = torch.linalg.eigvalsh(rows.T @ rows).clamp(min=0).sqrt()
    # Where nothing differs there is no direction: the entropy is then 0, and the rank 1.
    shares = values / values.sum().clamp(min=torch.finfo(values.dtype).tiny)
    entropy = torch.special.entr(shares).sum()
    count, channels, height, width = latents.shape
    return Health(
        rank=float(entropy.exp()),
        std=float(deviations.square().mean(0).sqrt().mean()),
        rms=float(exact.square().mean().sqrt()),
        max_rank=min(channels, (count - 1) * height * width),
    )


def require_finite(values: Tensor) -> Tensor:
    """The same values, unchanged.

    Raises:
        FloatingPointError: one of them is NaN or infinite.
    """
    if not values.isfinite().all():
        raise FloatingPointError("features are not finite")
    return values
