"""Whether features say anything: an encoder that learns from itself may say the same of all."""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Health:
    """How much the latents of different frames differ, at the same place of the picture.

    What a latent says of its own place, alike in every frame, counts as nothing: a transformer
    that has collapsed still tells its patches apart.

    Attributes:
        rank: effective number of directions in which they differ, from 1 to C.
        spread: standard deviation over frames, mean of all channels and places; 0 if collapsed.
    """

    rank: float
    spread: float


def health(latents: Tensor) -> Health:
    """Health of the latents [N, C, h, w] of N different frames.

    The effective rank is exp of the entropy of the singular values, scaled to sum 1, of the matrix
    [N h w, C] (Roy & Vetterli 2007, def. 1).
    """
    deviations = latents.double() - latents.double().mean(0)
    rows = rearrange(deviations, "n c h w -> (n h w) c")
    # Singular values by the eigenvalues of a [C, C] matrix, however many frames there are.
    values = torch.linalg.eigvalsh(rows.T @ rows).clamp(min=0).sqrt()
    # Where nothing differs there is no direction: the entropy is then 0, and the rank 1.
    shares = values / values.sum().clamp(min=torch.finfo(values.dtype).tiny)
    entropy = torch.special.entr(shares).sum()
    return Health(float(entropy.exp()), float(deviations.square().mean(0).sqrt().mean()))
