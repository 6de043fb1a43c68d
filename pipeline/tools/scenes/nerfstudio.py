"""nerfstudio's transforms.json (docs.nerf.studio, data conventions; its NerfstudioDataParser)."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TRANSFORMS = "transforms.json"
OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
"""From OpenGL's camera axes (x right, y up, z back) to OpenCV's."""
KEYS = ("fl_x", "fl_y", "cx", "cy")


def write(
    path: Path,
    files: Sequence[str],
    size: tuple[int, int],
    intrinsics: NDArray[np.float64],
    poses: NDArray[np.float64],
) -> None:
    """Write transforms.json; arguments are those of `colmap.write`, `files` relative to it.

    Intrinsics stand above where all frames share them, and in the frames where they do not: one
    above would win over theirs, silently.
    """
    shared = bool((intrinsics == intrinsics[0]).all())
    frames = []
    for file, row, pose in zip(files, intrinsics, poses, strict=True):
        to_world = np.linalg.inv(pose) @ OPENGL
        own = {} if shared else dict(zip(KEYS, row.tolist(), strict=True))
        frames.append({"file_path": file, **own, "transform_matrix": to_world.tolist()})
    above = dict(zip(KEYS, intrinsics[0].tolist(), strict=True)) if shared else {}
    height, width = size
    content = {"camera_model": "PINHOLE", "w": width, "h": height, **above, "frames": frames}
    path.write_text(json.dumps(content, indent=1) + "\n")
