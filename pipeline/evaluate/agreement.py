"""How the camera of generated frames moved, against how it was told to move."""

import torch
from torch import Tensor

from pipeline.evaluate.detection import ratio
from pipeline.metrics.schema.motion import Agreement
from pipeline.metrics.schema.state_model import Estimate


def rotations_between(poses: Tensor) -> Tensor:
    """Rotation vectors [..., 3] in radians of relative poses [..., 3, 4], camera to camera.

    By the logarithm of rotations; exact below half a turn.
    """
    matrix = poses[..., :3]
    skew = matrix - matrix.mT
    axis = torch.stack([skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0]], -1) / 2
    sine = axis.norm(dim=-1, keepdim=True)
    cosine = (matrix.diagonal(dim1=-2, dim2=-1).sum(-1, keepdim=True) - 1) / 2
    angle = torch.atan2(sine, cosine)
    return axis * torch.where(sine > 1e-9, angle / sine.clamp_min(1e-9), 1.0)


def moves_between(poses: Tensor) -> Tensor:
    """Moves [..., 3] of the camera's centre, in its coordinates before, of poses [..., 3, 4]."""
    return -(poses[..., :3].mT @ poses[..., 3:])[..., 0]


def agreement(estimated: Tensor, commanded: Tensor, recorded: Tensor) -> Agreement:
    """How far estimated motions of clips are the commanded ones, and go along with recorded ones.

    Args:
        estimated: relative poses [B, F, 3, 4] from every frame to the next, in metres.
        commanded: those that generated the frames, which errors are counted from.
        recorded: those that shares and slopes are relative to.
    """
    found: dict[str, Estimate] = {}
    for name, of, unit in (
        ("rotation", rotations_between, 180 / torch.pi),
        ("translation", moves_between, 1.0),
    ):
        got, told, true = (of(each.double()) * unit for each in (estimated, commanded, recorded))
        error = (got - told).norm(dim=-1).sum(1)
        size, square = true.norm(dim=-1).sum(1), true.square().sum((1, 2))
        count = torch.full_like(error, estimated.shape[1])
        found |= {
            f"{name}_error": ratio(error, count),
            f"{name}_share": ratio(error, size),
            f"{name}_slope": ratio((got * true).sum((1, 2)), square),
        }
    return Agreement.model_validate(found)
