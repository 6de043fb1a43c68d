"""nerfstudio's transforms.json (docs.nerf.studio, data conventions; its NerfstudioDataParser)."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.episodes.cameras import Cameras
from pipeline.tools.scenes import ply
from pipeline.tools.scenes.lift import Cloud

TRANSFORMS, POINTS = "transforms.json", "points.ply"
OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
"""From OpenGL's camera axes (x right, y up, z back) to OpenCV's."""
KEYS = ("fl_x", "fl_y", "cx", "cy")


def write(
    folder: Path,
    files: Sequence[str],
    size: tuple[int, int],
    known: Cameras,
    cloud: Cloud | None,
) -> None:
    """Write transforms.json, and points beside it, in the same coordinates.

    Args:
        folder: an export.
        files: of its images, relative to it.
        size: their height and width.
        known: their cameras.
        cloud: points of the scene; None if there are none.

    Intrinsics stand above where all frames share them, and in the frames where they do not: one
    above would win over theirs, silently.
    """
    intrinsics = known.intrinsics
    shared = bool((intrinsics == intrinsics[0]).all())
    frames = []
    for file, row, pose in zip(files, intrinsics, known.poses, strict=True):
        to_world = np.linalg.inv(pose) @ OPENGL
        own = {} if shared else dict(zip(KEYS, row.tolist(), strict=True))
        frames.append({"file_path": file, **own, "transform_matrix": to_world.tolist()})
    above = dict(zip(KEYS, intrinsics[0].tolist(), strict=True)) if shared else {}
    height, width = size
    size_and_model = {"camera_model": "PINHOLE", "w": width, "h": height}
    points = {} if cloud is None else {"ply_file_path": POINTS}
    if cloud is not None:
        ply.write(folder / POINTS, cloud)
    content = {**size_and_model, **above, **points, "frames": frames}
    (folder / TRANSFORMS).write_text(json.dumps(content, indent=1) + "\n")
