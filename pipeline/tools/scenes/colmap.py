"""COLMAP's text model (colmap.github.io/format.html): cameras.txt, images.txt, points3D.txt.

No rigs.txt and frames.txt are written: without both, COLMAP 3.12 and pycolmap make a rig of one
camera and a frame for every image; with one of them, that file decides.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.cameras import Cameras
from pipeline.tools.scenes.lift import Cloud

Floats = NDArray[np.float64]


def write(
    folder: Path,
    names: Sequence[str],
    size: tuple[int, int],
    known: Cameras,
    cloud: Cloud | None,
) -> None:
    """Write a model.

    Args:
        folder: to make, sparse/0 of an export.
        names: of the images.
        size: their height and width.
        known: cameras of the images; those of equal intrinsics are one.
        cloud: points of the scene, which no image is said to have found; None if there are none.
    """
    kinds, camera_of = np.unique(known.intrinsics, axis=0, return_inverse=True)
    height, width = size
    cameras = [
        f"{number} PINHOLE {width} {height} {_text(kind)}" for number, kind in enumerate(kinds, 1)
    ]
    images = []
    for number, (name, pose) in enumerate(zip(names, known.poses, strict=True)):
        row = _text(np.concatenate([quaternion(pose[:3, :3]), pose[:3, 3]]))
        # The second line is for 2-D points, of which there are none.
        images += [f"{number + 1} {row} {camera_of.flat[number] + 1} {name}", ""]
    folder.mkdir(parents=True)
    (folder / "cameras.txt").write_text("\n".join(cameras) + "\n")
    (folder / "images.txt").write_text("\n".join(images) + "\n")
    (folder / "points3D.txt").write_text("" if cloud is None else _points(cloud))


def _points(cloud: Cloud) -> str:
    """A line for each point: number, place, colour, and an error of 0."""
    rows = enumerate(zip(cloud.points.tolist(), cloud.colours.tolist(), strict=True), 1)
    return "".join(
        f"{number} {x:.9g} {y:.9g} {z:.9g} {r} {g} {b} 0\n"
        for number, ((x, y, z), (r, g, b)) in rows
    )


def _text(values: Floats) -> str:
    return " ".join(f"{value:.17g}" for value in values)


def quaternion(rotation: Floats) -> Floats:
    """Unit quaternion [4], w first and not negative, of a rotation [3, 3].

    The eigenvector of the greatest eigenvalue (Bar-Itzhack 2000), which no angle makes inaccurate.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    symmetric = np.array(
        [
            [xx + yy + zz, zy - yz, xz - zx, yx - xy],
            [zy - yz, xx - yy - zz, xy + yx, xz + zx],
            [xz - zx, xy + yx, yy - xx - zz, yz + zy],
            [yx - xy, xz + zx, yz + zy, zz - xx - yy],
        ]
    )
    vector = np.linalg.eigh(symmetric)[1][:, -1]
    return vector if vector[0] >= 0 else -vector
