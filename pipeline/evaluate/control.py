"""How much errors depend on what controls the model: the cameras of a clip.

The same clips from the same noise, under the true poses, under the first frame's for good, and
under those of another clip: a model that does not look at cameras scores no worse under these.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from pipeline.latents.cameras import POSE
from pipeline.metrics.bootstrap import mean_intervals
from pipeline.metrics.schema.evaluate import ActionMetrics, CameraControl, Gap

STILL = torch.eye(4)[:3].flatten()
"""The pose of a motion that does not move, [POSE]."""


def with_actions(rows: Tensor, actions: Tensor) -> Tensor:
    """Rows [..., A + motion_dim] of a model's actions with other actions [..., A] in them."""
    return torch.cat([actions, rows[..., actions.shape[-1] :]], -1)


def with_poses(rows: Tensor, poses: Tensor) -> Tensor:
    """Rows [..., A + motion_dim] with other poses [..., POSE] in their motions."""
    return torch.cat([rows[..., :-POSE], poses.expand(*rows.shape[:-1], POSE)], -1)


def camera_conditions(rows: Tensor, others: Tensor) -> dict[str, Tensor]:
    """Actions of clips under other cameras, by name; intrinsics remain.

    Args:
        rows: actions with their motions, [B, T, interval, A + motion_dim].
        others: the same of other clips.
    """
    return {"frozen": with_poses(rows, STILL), "other": with_poses(rows, others[..., -POSE:])}


def with_cameras(metrics: ActionMetrics, errors: Mapping[str, Tensor]) -> ActionMetrics:
    """Metrics with what cameras do to errors, if the model is conditioned by them."""
    update = {"cameras": camera_control(errors)} if errors else {}
    return metrics.model_copy(update=update)


def camera_control(errors: Mapping[str, Tensor]) -> CameraControl:
    """Errors [B, F] under `true`, `frozen` and `other` cameras: their means, and the gaps."""
    true, frozen, other = (errors[name].double().mean(1) for name in ("true", "frozen", "other"))
    return CameraControl(
        true=float(true.mean()),
        frozen=float(frozen.mean()),
        other=float(other.mean()),
        frozen_gap=gap(true, frozen),
        other_gap=gap(true, other),
    )


def gap(true: Tensor, changed: Tensor) -> Gap:
    """By how much errors [B] of the same clips are larger; clips are resampled in pairs."""
    larger = changed - true
    low, high = mean_intervals(larger).tolist()
    return Gap(mean=float(larger.mean()), interval=(low, high))
