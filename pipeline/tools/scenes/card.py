"""export.json: the frames of an export, their cameras, and where they come from."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.errors import DataError
from pipeline.files.json_model import FileModel
from pipeline.files.names import InnerPath
from pipeline.files.versioned import Format

FORMAT = Format()
CARD = "export.json"
DEPTH, TRUTH = "depth", "truth"
"""Folder of all depth, and in it of the true one."""
AGAIN = "write it again with `wm export-3d`"
Layout = Literal["colmap", "nerfstudio", "frames"]
Row = Annotated[list[float], Field(min_length=4, max_length=4)]
Pose = Annotated[list[Row], Field(min_length=4, max_length=4)]


class CameraCard(FileModel):
    """A pinhole camera, in OpenCV's axes; see `pipeline.episodes.cameras`.

    Attributes:
        intrinsics: fx, fy, cx, cy in pixels of the image.
        world_to_camera: a row after the other.
    """

    intrinsics: Row
    world_to_camera: Pose


class FrameCard(FileModel):
    """One image.

    Attributes:
        file: its path.
        step: of the environment, from the beginning of the episode.
        generated: by a model; else it was recorded, or given to the model.
        camera: None where nobody knows it.
    """

    file: InnerPath
    step: int = Field(ge=0)
    generated: bool
    camera: CameraCard | None


class ExportCard(FileModel):
    """The content of export.json.

    Attributes:
        source: folder of shards or of a rollout, as the user named it.
        name: of the episode or clip in it.
        kind: what its frames are; see `sources.Sequence3D`.
        episode: that they start in.
        layout: what was written beside images and this file.
        height: of the images in pixels.
        width: of the images in pixels.
        recorded_height: of the frames as they were recorded.
        recorded_width: of the frames as they were recorded.
        frames: in order.
    """

    source: str
    name: str
    kind: Literal["recorded", "generated", "truth"]
    episode: str
    layout: Layout
    height: int = Field(gt=0)
    width: int = Field(gt=0)
    recorded_height: int = Field(gt=0)
    recorded_width: int = Field(gt=0)
    frames: list[FrameCard] = Field(min_length=1)

    def intrinsics(self) -> NDArray[np.float64] | None:
        """[T, 4] in pixels of the images; None where nobody knows the cameras."""
        rows = [frame.camera.intrinsics for frame in self.frames if frame.camera]
        return np.array(rows) if len(rows) == len(self.frames) else None

    def poses(self) -> NDArray[np.float64] | None:
        """[T, 4, 4] from world to camera; None where nobody knows the cameras."""
        rows = [frame.camera.world_to_camera for frame in self.frames if frame.camera]
        return np.array(rows) if len(rows) == len(self.frames) else None


def read(folder: Path) -> ExportCard:
    """The card of an export.

    Raises:
        DataError: the folder is none, or damaged.
    """
    if not (folder / CARD).is_file():
        raise DataError(f"{folder}: holds no {CARD}; name a folder that `wm export-3d` wrote")
    return FORMAT.read(folder / CARD, ExportCard, AGAIN)
