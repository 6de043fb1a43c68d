"""The training loss: squared error of a denoiser's answers, weighted by their noise."""

from torch import Tensor

from pipeline.train import Weighting
from pipeline.train.levels import CLEAN
from pipeline.train.objectives import Objective


def frame_losses(
    objective: Objective, output: Tensor, target: Tensor, level: Tensor, weighting: Weighting
) -> Tensor:
    """Loss of each frame [B, T], for answers and targets [B, T, C, h, w] at levels [B, T].

    Frames at level CLEAN are not scored: their loss is 0.
    """
    scored = (level != CLEAN).float()
    error = (output - target).square().mean((2, 3, 4)) * scored
    if not weighting.gamma:
        return error
    if weighting.form == "per_frame":
        return error * objective.min_snr(level, weighting.gamma)
    weight = objective.reference_weight(level, weighting.gamma) * scored
    return error * weight.sum(1, keepdim=True) / scored.sum(1, keepdim=True)
