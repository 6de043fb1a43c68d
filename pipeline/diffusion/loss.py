"""The training loss: squared error of a denoiser's output, weighted by noise level."""

from torch import Tensor

from pipeline.diffusion import Weighting
from pipeline.noise.levels import CLEAN
from pipeline.objectives import Objective


def frame_losses(
    objective: Objective, output: Tensor, target: Tensor, level: Tensor, weighting: Weighting
) -> Tensor:
    """Loss [B, T] of each frame, for outputs and targets [B, T, C, h, w] at levels [B, T].

    Frames at level CLEAN are context, not scored: their loss is 0.
    """
    return weighted(objective, frame_errors(output, target), level, weighting)


def frame_errors(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared error [B, T] of each frame, unweighted."""
    return (output - target).square().mean((2, 3, 4))


def weighted(objective: Objective, error: Tensor, level: Tensor, weighting: Weighting) -> Tensor:
    """Losses [B, T] of frames with errors [B, T] at levels int64 [B, T]; see `Weighting`."""
    scored = (level != CLEAN).float()  # [B, T]
    error = error * scored
    if not weighting.gamma:
        return error
    if weighting.form == "per_frame":
        return error * objective.min_snr(level, weighting.gamma)
    # The reference averages the weights of a clip's frames before they meet the errors.
    weight = objective.reference_weight(level, weighting.gamma) * scored
    return error * weight.sum(1, keepdim=True) / scored.sum(1, keepdim=True)
