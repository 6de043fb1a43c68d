"""The depth maps of an export: true ones, and those that a network estimated."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.cameras import Cameras
from pipeline.errors import DataError, ParamsError
from pipeline.files.content import parsing
from pipeline.files.npy import read_npz
from pipeline.tools.scenes.card import ExportCard
from pipeline.tools.scenes.export import DEPTH

REPEAT = "write it again with `wm export-3d`, or with `wm depth` if that estimated it"


@dataclass(frozen=True, slots=True)
class DepthMap:
    """Depth of one image, of any size, with the camera for that size.

    Attributes:
        depth: float32 [h, w], along the optical axis; not positive where there is none.
        confidence: float32 [h, w], higher is surer; None where all are as sure.
        intrinsics: float64 [4] in pixels of the map.
        pose: float64 [4, 4] from world to camera.
    """

    depth: NDArray[np.float32]
    confidence: NDArray[np.float32] | None
    intrinsics: NDArray[np.float64]
    pose: NDArray[np.float64]


def names(folder: Path) -> list[str]:
    """Names of the depth that an export holds."""
    found = (folder / DEPTH).iterdir() if (folder / DEPTH).is_dir() else ()
    return sorted(path.name for path in found if path.is_dir())


def path_of(folder: Path, name: str, frame: int) -> Path:
    """The file of a frame's depth."""
    return folder / DEPTH / name / f"{frame:06d}.npz"


def check(folder: Path, name: str) -> None:
    """Refuse a name of depth that an export has not.

    Raises:
        ParamsError: it has not.
    """
    if name in (known := names(folder)):
        return
    if not known:
        raise ParamsError(
            f"--depth {name}: {folder} holds no depth; export what has true depth, or estimate it "
            "by `wm depth`"
        )
    raise ParamsError(f"--depth {name}: {folder} holds other depth ({', '.join(known)}); name that")


def read(folder: Path, card: ExportCard, name: str, frames: Sequence[int]) -> list[DepthMap]:
    """The depth of some frames, with their cameras: those of the depth file where it has some.

    Raises:
        ParamsError: there is no such depth.
        DataError: a file is missing or damaged, or a frame has no camera.
    """
    check(folder, name)
    return [_read(path_of(folder, name, frame), card, frame) for frame in frames]


def _read(path: Path, card: ExportCard, frame: int) -> DepthMap:
    arrays = read_npz(path, REPEAT)
    camera = card.frames[frame].camera
    with parsing(path, REPEAT):
        depth = np.asarray(arrays["depth"], np.float32)
        confidence = arrays.get("confidence")
        if depth.ndim != 2 or (confidence is not None and confidence.shape != depth.shape):
            raise ValueError("depth and confidence are no maps [h, w] of one size")
        if "poses" in arrays:
            cameras = Cameras(arrays["intrinsics"][None], arrays["poses"][None])
        elif camera is not None:
            own = Cameras(np.array([camera.intrinsics]), np.array([camera.world_to_camera]))
            cameras = own.resized((card.height, card.width), (depth.shape[0], depth.shape[1]))
        else:
            raise DataError(f"{path}: frame {frame} has no camera, so its depth has no place")
    return DepthMap(depth, confidence, cameras.intrinsics[0], cameras.poses[0])
