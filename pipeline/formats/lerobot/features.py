"""Episodes as the features of a LeRobot data set: what the writers of every version share."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes import video
from pipeline.episodes.episode import Episode, Meta
from pipeline.formats._shared import episode_meta

if TYPE_CHECKING:
    import pyarrow as pa

Json = Mapping[str, object]
Column = NDArray[np.float32] | NDArray[np.int64]
CHUNK = 1000
META = "meta/episode_meta.json"
FPS = 10


@dataclass(frozen=True, slots=True)
class Layout:
    """How the arrays of an episode become features.

    Attributes:
        camera: feature that the frames become.
        robot: `robot_type` of info.json.
        fps: frames per second; None is `fps` of the first episode's meta, FPS if it has none.
        action: names of the actions' components, if they have any.
        state: names of the states' components. Those beyond them become
            `observation.environment_state`; with no names, all are `observation.state`.
    """

    camera: str = "observation.image"
    robot: str | None = None
    fps: int | None = None
    action: tuple[str, ...] = ()
    state: tuple[str, ...] = ()


LAYOUTS = {
    "rt1": Layout(
        camera="observation.images.image",
        robot="google_robot",
        fps=3,
        action=("x", "y", "z", "roll", "pitch", "yaw", "gripper"),
        state=("x", "y", "z", "rx", "ry", "rz", "rw", "gripper"),
    )
}
"""How the episodes of a world are published, by its name."""


def task(episode: Episode) -> str:
    """The instructions of an episode; empty where it has none."""
    return str(episode.meta.get("task", ""))


def write_meta(raw: Path, meta: Mapping[str, Meta]) -> None:
    """Write what LeRobot has no place for: more of an episode's meta than its task and rate."""
    more = {
        key: {name: value for name, value in values.items() if name not in ("task", "fps")}
        for key, values in meta.items()
    }
    if any(more.values()):
        episode_meta.write(raw / META, more)


def frames_per_second(layout: Layout, episode: Episode) -> int:
    """The rate that is written, which is a whole number in LeRobot."""
    if layout.fps is not None:
        return layout.fps
    return max(1, round(float(episode.meta.get("fps", FPS))))


def columns(
    episode: Episode, layout: Layout, number: int, offset: int, task: int, fps: int
) -> dict[str, Column]:
    """The columns of an episode's rows, [T, D] or [T] each; `offset` frames precede it."""
    length = len(episode)
    size = len(layout.state) or episode.states.shape[1]
    steps = np.arange(length)
    every: dict[str, Column] = {
        "observation.state": episode.states[:, :size],
        "observation.environment_state": episode.states[:, size:],
        "action": episode.actions,
        "timestamp": (steps / fps).astype(np.float32),
        "frame_index": steps,
        "episode_index": np.full(length, number),
        "index": steps + offset,
        "task_index": np.full(length, task),
    }
    return {name: values for name, values in every.items() if values.size}


def described(episode: Episode, layout: Layout, columns: Mapping[str, Column], fps: int) -> Json:
    """The `features` of info.json."""
    published = {"observation.state": layout.state, "action": layout.action}
    features: dict[str, Json] = {layout.camera: _camera(episode, fps)}
    for name, values in columns.items():
        shape = list(values.shape[1:]) or [1]
        motors = published.get(name, ())
        names = {"motors": list(motors)} if shape == [len(motors)] else None
        features[name] = {"dtype": str(values.dtype), "shape": shape, "names": names}
    return features


def is_video(episode: Episode) -> bool:
    """Whether its frames become a video: its pixel format halves the colours of even sizes only."""
    height, width = episode.frames.shape[1:3]
    return height % 2 == width % 2 == 0


def _camera(episode: Episode, fps: int) -> Json:
    height, width = episode.frames.shape[1:3]
    shape: Json = {"shape": [height, width, 3], "names": ["height", "width", "rgb"]}
    if not is_video(episode):
        return {"dtype": "image", **shape}
    return {
        "dtype": "video",
        **shape,
        "info": {
            "video.fps": float(fps),
            "video.height": height,
            "video.width": width,
            "video.channels": 3,
            "video.codec": "av1",
            "video.pix_fmt": video.AV1["pix_fmt"],
            "video.is_depth_map": False,
            "has_audio": False,
        },
    }


def table(columns: Mapping[str, Column], images: Mapping[str, NDArray[np.uint8]]) -> "pa.Table":
    """The rows of an episode; frames of `images` [T, H, W, 3] are stored in them as PNG files.

    Vectors become fixed-size lists, but scalars where their size is 1, as in lerobot.
    """
    import pyarrow as pa

    arrays = {}
    for name, values in columns.items():
        flat = pa.array(values.ravel())
        size = values.size // len(values)
        arrays[name] = flat if size == 1 else pa.FixedSizeListArray.from_arrays(flat, size)
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    for name, frames in images.items():
        cells = [
            {"bytes": _png(frame), "path": f"frame-{number:06d}.png"}
            for number, frame in enumerate(frames)
        ]
        arrays[name] = pa.array(cells, kind)
    return pa.table(arrays)


def _png(frame: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(frame).save(file, "png")
    return file.getvalue()


def save(table: "pa.Table", path: Path) -> None:
    """Write a parquet file whose pages have checksums."""
    from pyarrow import parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path, write_page_checksum=True)
