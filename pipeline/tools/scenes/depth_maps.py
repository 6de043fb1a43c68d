"""The depth maps of an export: true ones, and those that a network estimated."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.cameras import Cameras
from pipeline.errors import ParamsError
from pipeline.files.content import parsing
from pipeline.files.npy import read_npz
from pipeline.tools.scenes.card import AGAIN, DEPTH, ExportCard
from pipeline.tools.scenes.sources import read_image, resized

REPEAT = "write it again with `wm export-3d`, or with `wm depth` if that estimated it"


@dataclass(frozen=True, slots=True)
class DepthMap:
    """Depth of one image, of any size, with the camera for that size.

    Attributes:
        depth: float32 [h, w], along the optical axis; not positive where there is none.
        confidence: float32 [h, w], higher is surer; None where all are as sure.
        image: uint8 [h, w, 3], the colours of the same pixels.
        intrinsics: float64 [4] in pixels of the map.
        pose: float64 [4, 4] from world to camera.
    """

    depth: NDArray[np.float32]
    confidence: NDArray[np.float32] | None
    image: NDArray[np.uint8]
    intrinsics: NDArray[np.float64]
    pose: NDArray[np.float64]


def names(folder: Path) -> list[str]:
    """Names of the depth that an export holds."""
    found = (folder / DEPTH).iterdir() if (folder / DEPTH).is_dir() else ()
    return sorted(path.name for path in found if path.is_dir())


def frames(folder: Path, name: str) -> list[int]:
    """Numbers of the images that have this depth.

    Raises:
        ParamsError: the export has no such depth.
    """
    known = names(folder)
    if not known:
        raise ParamsError(
            f"--depth {name}: {folder} holds no depth; export what has true depth, or estimate it "
            "by `wm depth`"
        )
    if name not in known:
        raise ParamsError(
            f"--depth {name}: {folder} holds other depth ({', '.join(known)}); name that"
        )
    found = (folder / DEPTH / name).glob("*.npz")
    return sorted(int(path.stem) for path in found if path.stem.isdecimal())


def read(folder: Path, card: ExportCard, name: str, frame: int) -> DepthMap:
    """The depth of an image, with its camera: that of the depth file where it has one.

    Raises:
        DataError: a file is missing or damaged, or nobody knows the camera.
    """
    return read_file(folder / DEPTH / name / f"{frame:06d}.npz", folder, card, frame)


def read_file(path: Path, folder: Path, card: ExportCard, frame: int) -> DepthMap:
    """The same of a file that is somewhere else as yet."""
    arrays = read_npz(path, REPEAT)
    with parsing(path, REPEAT):
        depth = np.asarray(arrays["depth"], np.float32)
        confidence, image = arrays.get("confidence"), arrays.get("image")
        if depth.ndim != 2 or (confidence is not None and confidence.shape != depth.shape):
            raise ValueError("depth and confidence are no maps [h, w] of one size")
        if image is not None and (image.shape, image.dtype) != ((*depth.shape, 3), np.uint8):
            raise ValueError("the image has another size than its depth")
        size = depth.shape[0], depth.shape[1]
        intrinsics, pose = _camera(arrays, card, frame, size)
    if image is None:
        image = resized(read_image(folder / card.frames[frame].file, AGAIN), size)
    return DepthMap(depth, confidence, image, intrinsics, pose)


def _camera(
    arrays: Mapping[str, NDArray[Any]], card: ExportCard, frame: int, size: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Intrinsics [4] for maps of a size, and pose [4, 4]."""
    camera = card.frames[frame].camera
    if "poses" in arrays:
        cameras = Cameras(arrays["intrinsics"][None], arrays["poses"][None])
    elif camera is not None:
        own = Cameras(np.array([camera.intrinsics]), np.array([camera.world_to_camera]))
        cameras = own.resized((card.height, card.width), size)
    else:
        raise ValueError("nobody knows the camera, so that depth has no place")
    return cameras.intrinsics[0], cameras.poses[0]
