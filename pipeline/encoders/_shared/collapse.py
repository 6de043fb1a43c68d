"""Whether features say anything: an encoder that learns from itself may say the same of all."""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from pipeline.encoders._shared.reduced import finite

ALIKE = 2.0**-10
"""A step of float16, in which latents are stored: what differs by less is lost there."""
ONE_DIRECTION = 1.1
"""An effective rank below this leaves 2 % of the singular values to all directions but one."""


@dataclass(frozen=True, slots=True)
class Health:
    """How much the latents of different frames differ, at the same place of the picture.

    What a latent says of its own place, alike in every frame, counts as nothing: a transformer
    that has collapsed still tells its patches apart.

    Attributes:
        rank: effective number of directions in which they differ, from 1 to C.
        spread: standard deviation over frames, mean of all channels and places; 0 if collapsed.
        size: root mean square of the latents themselves.
        directions: how many there could be, of so many channels, frames and places.
    """

    rank: float
    spread: float
    size: float
    directions: int

    @property
    def collapsed(self) -> bool:
        """Whether frames are all but alike, or differ along one direction where more could be."""
        alike = self.spread <= ALIKE * self.size
        return self.directions > 0 and (alike or self.rank < ONE_DIRECTION < self.directions)


def health(latents: Tensor) -> Health:
    """Health of the latents [N, C, h, w] of N different frames.

    The effective rank is exp of the entropy of the singular values, scaled to sum 1, of the matrix
    [N h w, C] (Roy & Vetterli 2007, def. 1).

    Raises:
        FloatingPointError: the latents are not finite.
    """
    exact = finite(latents).double()
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
        spread=float(deviations.square().mean(0).sqrt().mean()),
        size=float(exact.square().mean().sqrt()),
        directions=min(channels, (count - 1) * height * width),
    )
