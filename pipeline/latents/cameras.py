"""Cameras as latent caches store them, and their motion from frame to frame as models take it.

A row of a cache is the camera of a frame: fx / W, fy / H, cx / W - 1/2, cy / H - 1/2, which no
resize changes, and the upper three rows of its pose, from the camera coordinates of the episode's
first frame to its own. A motion is what leads from one frame of a model to the next: intrinsics of
both, and the upper three rows of the pose of the next relative to the one before. Poses relative to
any frame of a window are products of motions.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.cameras import Cameras

Rows = NDArray[np.float32]
"""Numbers of several frames, of each in the last dimension."""
INTRINSICS, POSE = 4, 12
ROW = INTRINSICS + POSE
"""Numbers of a camera."""
MOTION = 2 * INTRINSICS + POSE
"""Numbers of a motion: intrinsics of both frames, then the pose."""
TRANSLATION = slice(2 * INTRINSICS + 3, MOTION, 4)
"""Where the pose of a motion has its translation."""
ROUNDING = 1e-6
"""Of a move, relative to the distance from the world's origin: poses may have been float32."""
STEP = 0.1
"""Length of the median move of a data set, in units of which models take translations.

Attention by projections is not scale-invariant: those of a window should stay below about one.
"""


def camera_rows(cameras: Cameras, size: tuple[int, int]) -> Rows:
    """Rows float32 [T, ROW] of the cameras of an episode's frames, recorded at (height, width)."""
    rotations, centres = cameras.poses[:, :3, :3], cameras.centres()
    # By way of the centres: far from the world's origin little is left of differences of t.
    moved = (rotations @ (centres[:1] - centres)[..., None])[..., 0]
    upper = np.concatenate([rotations @ rotations[0].T, moved[..., None]], -1)
    rows = [cameras.normalised(size), upper.reshape(len(cameras), POSE)]
    return np.concatenate(rows, -1).astype(np.float32)


def motions(rows: Rows) -> Rows:
    """Motions float32 [..., T, MOTION] from each of T frames to the next; the last stays."""
    following = np.concatenate([rows[..., 1:, :], rows[..., -1:, :]], -2)
    relative = _poses(following) @ _inverse(_poses(rows))
    upper = relative[..., :3, :].reshape(*relative.shape[:-2], POSE)
    parts = (rows[..., :INTRINSICS], following[..., :INTRINSICS], upper)
    return np.concatenate(parts, -1).astype(np.float32)


def with_motions(actions: Rows, moved: Rows) -> Rows:
    """Actions [..., interval, A], each followed by the motion [..., MOTION] from its frame on."""
    repeated = np.broadcast_to(moved[..., None, :], (*actions.shape[:-1], moved.shape[-1]))
    return np.concatenate([actions, repeated], -1)


def translation_scale(episodes: Iterable[Cameras], interval: int) -> float:
    """The factor that makes the median move of the camera over `interval` steps STEP long.

    Of moves that are no rounding errors; 1 if there are none.
    """
    moved = [np.empty(0)]
    for cameras in episodes:
        centres = cameras.centres()
        lengths = np.linalg.norm(centres[interval:] - centres[:-interval], axis=-1)
        moved.append(lengths[lengths > ROUNDING * np.abs(centres).max()])
    lengths = np.concatenate(moved)
    return float(STEP / np.median(lengths)) if len(lengths) else 1.0


def _poses(rows: Rows) -> NDArray[np.float64]:
    """Poses [..., T, 4, 4] of rows."""
    upper = rows[..., -POSE:].astype(np.float64).reshape(*rows.shape[:-1], 3, 4)
    last = np.broadcast_to([0.0, 0, 0, 1], (*upper.shape[:-2], 1, 4))
    return np.concatenate([upper, last], -2)


def _inverse(poses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverses of rigid motions [..., 4, 4]."""
    inverse = np.zeros_like(poses)
    inverse[..., :3, :3] = poses[..., :3, :3].swapaxes(-1, -2)
    inverse[..., :3, 3:] = -inverse[..., :3, :3] @ poses[..., :3, 3:]
    inverse[..., 3, 3] = 1
    return inverse
