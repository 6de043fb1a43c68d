"""Where the frames of an episode were seen from, and how far away what they show is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.files.content import parsing
from pipeline.files.npy import read_npz

ROTATION_TOLERANCE = 1e-4
"""Of rotations from orthonormal ones: they may have been stored as float32."""


@dataclass(frozen=True, slots=True)
class Cameras:
    """One pinhole camera a frame, without distortion.

    Axes are OpenCV's and COLMAP's: x to the right, y down, z forward. The centre of the first pixel
    is (0.5, 0.5), so that resizing frames scales intrinsics and does nothing else to them.

    Attributes:
        intrinsics: float64 [T, 4], fx, fy, cx, cy in pixels of the recorded frames.
        poses: float64 [T, 4, 4], from world to camera coordinates.
        depth: float32 [T, H, W], z of what is seen at the centre of each pixel, in camera
            coordinates and units of the poses, 0 where nothing is; None if nobody measured it.

    Raises:
        ValueError: a shape, a rotation or a value is wrong.
    """

    intrinsics: NDArray[np.float64]
    poses: NDArray[np.float64]
    depth: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        """Validate once, where cameras enter."""
        count = len(self.intrinsics)
        shapes = self.intrinsics.shape, self.poses.shape
        if shapes != ((count, 4), (count, 4, 4)):
            raise ValueError(f"cameras are {shapes}, not intrinsics [T, 4] and poses [T, 4, 4]")
        if not (np.isfinite(self.intrinsics).all() and np.isfinite(self.poses).all()):
            raise ValueError("cameras hold NaN or infinity")
        if (self.intrinsics[:, :2] <= 0).any():
            raise ValueError("a focal length is not positive")
        rotation = self.poses[:, :3, :3]
        error = np.abs(rotation @ rotation.transpose(0, 2, 1) - np.eye(3)).max(initial=0)
        if error > ROTATION_TOLERANCE or (np.linalg.det(rotation) < 0).any():
            raise ValueError("a pose [4, 4] does not begin with a rotation [3, 3]")
        if (self.poses[:, 3] != [0, 0, 0, 1]).any():
            raise ValueError("the last row of a pose [4, 4] is not 0, 0, 0, 1")
        if self.depth is not None:
            if self.depth.ndim != 3 or len(self.depth) != count:
                raise ValueError(f"depth is {self.depth.shape}, not [{count}, H, W]")
            if not np.isfinite(self.depth).all() or (self.depth < 0).any():
                raise ValueError("depth is negative, NaN or infinite; it is 0 where there is none")

    def __len__(self) -> int:
        """Number of frames T."""
        return len(self.intrinsics)

    def __getitem__(self, frames: slice | NDArray[np.int64]) -> "Cameras":
        """The cameras of some of the frames."""
        depth = self.depth[frames] if self.depth is not None else None
        return Cameras(self.intrinsics[frames], self.poses[frames], depth)

    def without_depth(self) -> "Cameras":
        """Intrinsics and poses alone."""
        return replace(self, depth=None)

    def centres(self) -> NDArray[np.float64]:
        """World coordinates [T, 3] of the centres of projection, -R^T t."""
        return -(self.poses[:, None, :3, 3] @ self.poses[:, :3, :3])[:, 0]

    def normalised(self, size: tuple[int, int]) -> NDArray[np.float64]:
        """Intrinsics fx / W, fy / H, cx / W - 1/2, cy / H - 1/2 [T, 4] of frames H x W.

        No resize changes them.
        """
        height, width = size
        return self.intrinsics / [width, height, width, height] - [0, 0, 0.5, 0.5]

    def resized(self, size: tuple[int, int], to: tuple[int, int]) -> "Cameras":
        """The cameras of frames (height, width) `size` that were resized to `to`, without depth."""
        across, down = to[1] / size[1], to[0] / size[0]
        scaled = self.intrinsics * [across, down, across, down]
        return Cameras(scaled, self.poses)


def to_arrays(cameras: Cameras) -> dict[str, NDArray[Any]]:
    """The arrays of a file of cameras: `intrinsics`, `poses` and, where it is known, `depth`."""
    arrays: dict[str, NDArray[Any]] = {"intrinsics": cameras.intrinsics, "poses": cameras.poses}
    if cameras.depth is not None:
        arrays["depth"] = cameras.depth
    return arrays


def read_cameras(path: Path, frames: int, way_out: str) -> Cameras:
    """The cameras of an episode of so many frames, from a .npz file of the arrays of `to_arrays`.

    Raises:
        DataError: it is missing or damaged, or has fewer, and `way_out` says what to do.
    """
    arrays = read_npz(path, way_out)
    with parsing(path, way_out):
        return of_arrays(arrays, frames)


def of_arrays(arrays: Mapping[str, NDArray[Any]], frames: int) -> Cameras:
    """Cameras of the arrays of a file: `intrinsics` [4] or [T, 4], `poses`, and `depth` or none.

    Args:
        arrays: of numbers; rows beyond those of the episode are left out.
        frames: of the episode.

    Raises:
        KeyError: an array is missing.
        ValueError: one is wrong, or has too few rows.
    """
    poses = np.asarray(arrays["poses"], np.float64)
    intrinsics = np.asarray(arrays["intrinsics"], np.float64)
    if intrinsics.shape == (4,):
        intrinsics = np.tile(intrinsics, (len(poses), 1))
    depth = np.asarray(arrays["depth"], np.float32) if "depth" in arrays else None
    cameras = Cameras(intrinsics, poses, depth)
    if len(cameras) < frames:
        raise ValueError(f"{len(cameras)} cameras for {frames} frames")
    return cameras[:frames]


def ahead(yaw: float, pitch: float) -> NDArray[np.float64]:
    """The direction [3] of a view: yaw 0 is along x and grows to y, pitch grows up, to z."""
    return np.array([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)])


def looking(eye: NDArray[np.float64], yaw: float, pitch: float) -> NDArray[np.float64]:
    """World to camera [4, 4] of an eye [3] that looks `ahead`, and is not rolled."""
    right = np.array([np.sin(yaw), -np.cos(yaw), 0.0])
    forward = ahead(yaw, pitch)
    pose = np.eye(4)
    pose[:3, :3] = right, np.cross(forward, right), forward
    pose[:3, 3] = -pose[:3, :3] @ eye
    return pose


def rays(size: tuple[int, int], intrinsics: NDArray[np.float64]) -> NDArray[np.float64]:
    """Directions [H, W, 3] in camera coordinates, of z 1, through the centres of all pixels."""
    fx, fy, cx, cy = intrinsics
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    return np.stack([(columns - cx) / fx, (rows - cy) / fy, np.ones(size)], -1)


def unproject(
    depth: NDArray[np.floating[Any]], intrinsics: NDArray[np.float64], pose: NDArray[np.float64]
) -> NDArray[np.float64]:
    """World coordinates [H, W, 3] of a depth map [H, W], whose size the intrinsics [4] are for."""
    height, width = depth.shape
    seen = rays((height, width), intrinsics) * depth[..., None]
    # The inverse of x -> R x + t, for rows of coordinates.
    return (seen - pose[:3, 3]) @ pose[:3, :3]
