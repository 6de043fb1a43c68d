"""The training loss: squared error of a denoiser's answers, weighted by their noise."""

from torch import Tensor

from pipeline.diffusion import Weighting
from pipeline.noise.levels import CLEAN
from pipeline.objectives import Objective


def frame_losses(
    objective: Objective, output: Tensor, target: Tensor, level: Tensor, weighting: Weighting
) -> Tensor:
    """Loss of each frame [B, T], for answers and targets [B, T, C, h, w] at levels [B, T].

    Frames at level CLEAN are not scored: their loss is 0.
    """
    return weighted(objective, frame_errors(output, target), level, weighting)


def frame_errors(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of each frame [B, T], whatever its level."""
    return (output - target).square().mean((2, 3, 4))


def weighted(objective: Objective, error: Tensor, level: Tensor, weighting: Weighting) -> Tensor:
    """Losses [B, T] of frames with such errors [B, T] at levels [B, T]; see `frame_losses`."""
    scored = (level != CLEAN).float()
    error = error * scored
    if not weighting.gamma:
        return error
    if weighting.form == "per_frame":
        return error * objective.min_snr(level, weighting.gamma)
    weight = objective.reference_weight(level, weighting.gamma) * scored
    return error * weight.sum(1, keepdim=True) / scored.sum(1, keepdim=True)
