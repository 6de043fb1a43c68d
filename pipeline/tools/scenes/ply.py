"""Clouds as binary PLY, with the properties that Open3D, COLMAP and MeshLab read."""

from pathlib import Path

import numpy as np

from pipeline.tools.scenes.lift import Cloud

VERTEX = np.dtype([("xyz", "<f4", 3), ("rgb", "u1", 3)])
HEADER = """ply
format binary_little_endian 1.0
element vertex {count}
property float x
property float y
property float z
property uchar red
property uchar green
property uchar blue
end_header
"""


def write(path: Path, cloud: Cloud) -> None:
    """Write the points and colours of a cloud."""
    rows = np.empty(len(cloud), VERTEX)
    rows["xyz"], rows["rgb"] = cloud.points, cloud.colours
    path.write_bytes(HEADER.format(count=len(cloud)).encode() + rows.tobytes())
