"""PRoPE (Li et al. 2025, "Cameras as Relative Positional Encoding"): cameras in attention.

A token's encoding is D = blockdiag(I (x) P, R): the projection P of its camera on groups of four
features, a rotation R (RoPE) on the rest. Attention is that of GTA (Miyato et al. 2024): queries by
D^T, keys and values by D^-1, outputs by D. So a logit depends on P_i P_j^-1 alone, and values are
carried from one camera's coordinates to the other's: whichever world the poses refer to cancels.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, einsum

from pipeline.denoisers.nanowm.layers import AttentionFn, apply_rope

GROUP = 4
"""Features that one projection acts on: homogeneous coordinates."""


@dataclass(frozen=True, slots=True)
class Projections:
    """Projections of frames, float32 or more: they are divided by depth and lose digits in less.

    Attributes:
        matrix: P, from homogeneous world to homogeneous image coordinates, [..., F, 4, 4].
        inverse: P^-1, the same shape.
    """

    matrix: Tensor
    inverse: Tensor

    def of(self, frames: Tensor) -> "Projections":
        """Those of tokens [N] that are of `frames` int64 [N]."""
        return Projections(self.matrix[..., frames, :, :], self.inverse[..., frames, :, :])


def projections(intrinsics: Tensor | None, poses: Tensor) -> Projections:
    """P = [[K, 0], [0, 1]] T and its inverse, in closed form (PRoPE, eq. 6).

    Args:
        intrinsics: fx, fy, cx, cy [..., 4], normalised: fx / W, fy / H, cx / W - 1/2, cy / H - 1/2;
            None for P = T, which is GTA.
        poses: T, from world to camera coordinates, [..., 4, 4].
    """
    inverse = rigid_inverse(poses)
    if intrinsics is None:
        return Projections(poses, inverse)
    fx, fy, cx, cy = intrinsics.unbind(-1)
    zero, one = torch.zeros_like(fx), torch.ones_like(fx)
    lifted = _matrix(
        (fx, zero, cx, zero), (zero, fy, cy, zero), (zero, zero, one, zero), (zero, zero, zero, one)
    )
    back = _matrix(
        (1 / fx, zero, -cx / fx, zero),
        (zero, 1 / fy, -cy / fy, zero),
        (zero, zero, one, zero),
        (zero, zero, zero, one),
    )
    return Projections(product(lifted, poses), product(inverse, back))


def rigid_inverse(poses: Tensor) -> Tensor:
    """Inverses [[R^T, -R^T t], [0, 1]] of rigid motions [[R, t], [0, 1]], [..., 4, 4]."""
    rotation = poses[..., :3, :3].mT  # R^T
    moved = -(rotation * poses[..., None, :3, 3]).sum(-1, keepdim=True)  # -R^T t, [..., 3, 1]
    return torch.cat([torch.cat([rotation, moved], -1), poses[..., 3:, :]], -2)


def product(left: Tensor, right: Tensor) -> Tensor:
    """Matrix product [..., 4, 4]; unlike `@`, autocast leaves it in the dtype of its factors."""
    return (left[..., :, :, None] * right[..., None, :, :]).sum(-2)


@dataclass(frozen=True, slots=True)
class PRoPE:
    """The encoding D of N tokens; with a rope of no features, that of minWM's branch.

    Attributes:
        projections: of each token, [B, N, 4, 4]; rows [B R, ...] of tokens share them R by R.
        rope: cosines and sines [2, N, r] of the last r features of a head; the number of those
            before them is a multiple of 4.
    """

    projections: Projections
    rope: Tensor

    def attention(self, q: Tensor, k: Tensor, v: Tensor, attend: AttentionFn) -> Tensor:
        """Attended values of queries, keys and values, all [B R, heads, N, head_dim].

        `attend` is handed transformed keys and values, which depend on their own camera alone: it
        may keep them for tokens to come, as long as the world that poses refer to stays the same.
        """
        matrix, inverse = self.projections.matrix, self.projections.inverse
        back = torch.stack([self.rope[0], -self.rope[1]])  # R^-1
        # A rotation's transpose is its inverse: R^T q meets R^-1 k.
        k, v = self._apply(inverse, back, k), self._apply(inverse, back, v)
        attended = attend(self._apply(matrix.mT, back, q), k, v)
        return self._apply(matrix, self.rope, attended)

    def _apply(self, matrix: Tensor, rope: Tensor, x: Tensor) -> Tensor:
        """The matrix [B, N, 4, 4] on each group of four features of x, the rope on the others."""
        split = x.shape[-1] - rope.shape[-1]
        rows = x[..., :split].unflatten(0, (len(matrix), -1))  # [B, R, heads, N, features]
        groups = rows.unflatten(-1, (-1, GROUP))  # [B, R, heads, N, g, 4]
        # In full precision, whatever autocast says: translations make large terms cancel.
        dtype = torch.promote_types(matrix.dtype, x.dtype)
        with _without_autocast(x.device):
            moved = einsum("bnij,brhngj->brhngi", matrix.to(dtype), groups.to(dtype))
        moved = moved.flatten(-2).flatten(0, 1)
        return torch.cat([moved.to(x.dtype), apply_rope(x[..., split:], rope).to(x.dtype)], -1)


def _without_autocast(device: torch.device) -> AbstractContextManager[object]:
    # torch has no autocast on the meta device, and raises.
    return nullcontext() if device.type == "meta" else torch.autocast(device.type, enabled=False)


def _matrix(*rows: tuple[Tensor, ...]) -> Tensor:
    """Matrices [..., 4, 4] of their rows of numbers [...]."""
    return torch.stack([torch.stack(row, -1) for row in rows], -2)
