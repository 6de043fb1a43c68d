"""Writer of LeRobot v2.1 with RT-1's features; the same episodes give the same bytes."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes import video
from pipeline.episodes.episode import Episode
from pipeline.formats.lerobot import info as infos
from pipeline.formats.lerobot.info import Place

if TYPE_CHECKING:
    import pyarrow as pa

FPS = 3
CHUNK = 1000
DATA = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEO = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
STATE = ("x", "y", "z", "rx", "ry", "rz", "rw", "gripper")
ACTION = ("x", "y", "z", "roll", "pitch", "yaw", "gripper")

Json = Mapping[str, object]
Column = NDArray[np.float32] | NDArray[np.int64]


def write(episodes: Iterable[Episode], raw: Path, camera: str) -> None:
    """Write episodes to a new folder.

    The first eight components of a state become `observation.state`, the others
    `observation.environment_state`.

    Args:
        episodes: frames have even height and width, meta has a `task`.
        raw: folder to create.
        camera: feature that the frames become.
    """
    tasks: dict[str, int] = {}
    lines: list[Json] = []
    statistics: list[Json] = []
    features: Json = {}
    frames = 0
    for number, episode in enumerate(episodes):
        task = str(episode.meta["task"])
        columns = _columns(episode, number, frames, tasks.setdefault(task, len(tasks)))
        features = {camera: _camera(episode), **_features(columns)}
        place = Place(number // CHUNK, number)
        _save(_table(columns), raw / infos.fill(DATA, place))
        path = raw / infos.fill(VIDEO, place, camera)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(video.encode(episode.frames, FPS, video.AV1))
        lines.append({"episode_index": number, "tasks": [task], "length": len(episode)})
        stats = {camera: _image_statistics(episode.frames)}
        stats |= {name: _statistics(values) for name, values in columns.items()}
        statistics.append({"episode_index": number, "stats": stats})
        frames += len(episode)
    meta = raw / "meta"
    meta.mkdir()
    task_lines = [{"task_index": index, "task": task} for task, index in tasks.items()]
    _write_lines(meta / "tasks.jsonl", task_lines)
    _write_lines(meta / "episodes.jsonl", lines)
    _write_lines(meta / "episodes_stats.jsonl", statistics)
    info = _info(len(lines), frames, len(tasks), features)
    (meta / "info.json").write_text(json.dumps(info, indent=4) + "\n")


def _columns(episode: Episode, number: int, offset: int, task: int) -> dict[str, Column]:
    """The columns of an episode's parquet file, [T, D] or [T] each; `offset` frames precede it."""
    length, size = len(episode), len(STATE)
    steps = np.arange(length)
    columns: dict[str, Column] = {
        "observation.state": episode.states[:, :size],
        "observation.environment_state": episode.states[:, size:],
        "action": episode.actions,
        "timestamp": (steps / FPS).astype(np.float32),
        "frame_index": steps,
        "episode_index": np.full(length, number),
        "index": steps + offset,
        "task_index": np.full(length, task),
    }
    return {name: values for name, values in columns.items() if values.size}


def _features(columns: Mapping[str, Column]) -> dict[str, Json]:
    published = {"observation.state": STATE, "action": ACTION}
    features: dict[str, Json] = {}
    for name, values in columns.items():
        shape = list(values.shape[1:]) or [1]
        motors = published.get(name, ())
        names = {"motors": list(motors)} if shape == [len(motors)] else None
        features[name] = {"dtype": str(values.dtype), "shape": shape, "names": names}
    return features


def _camera(episode: Episode) -> Json:
    height, width = episode.frames.shape[1:3]
    return {
        "dtype": "video",
        "shape": [height, width, 3],
        "names": ["height", "width", "rgb"],
        "info": {
            "video.fps": float(FPS),
            "video.height": height,
            "video.width": width,
            "video.channels": 3,
            "video.codec": "av1",
            "video.pix_fmt": video.AV1["pix_fmt"],
            "video.is_depth_map": False,
            "has_audio": False,
        },
    }


def _info(episodes: int, frames: int, tasks: int, features: Json) -> Json:
    return {
        "codebase_version": "v2.1",
        "robot_type": "google_robot",
        "total_episodes": episodes,
        "total_frames": frames,
        "total_tasks": tasks,
        "total_videos": episodes,
        "total_chunks": (episodes - 1) // CHUNK + 1,
        "chunks_size": CHUNK,
        "fps": FPS,
        "splits": {"train": f"0:{episodes}"},
        "data_path": DATA,
        "video_path": VIDEO,
        "features": features,
    }


def _table(columns: Mapping[str, Column]) -> "pa.Table":
    """Vectors become fixed-size lists, but scalars where their size is 1, as in lerobot."""
    import pyarrow as pa

    arrays = {}
    for name, values in columns.items():
        flat = pa.array(values.ravel())
        size = values.size // len(values)
        arrays[name] = flat if size == 1 else pa.FixedSizeListArray.from_arrays(flat, size)
    return pa.table(arrays)


def _save(table: "pa.Table", path: Path) -> None:
    from pyarrow import parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path, write_page_checksum=True)


def _statistics(values: Column) -> Json:
    """Min, max, mean, std and count over time of values [T, D] or [T]."""
    rows = values.reshape(len(values), -1)
    return {
        "min": rows.min(0).tolist(),
        "max": rows.max(0).tolist(),
        "mean": rows.mean(0, dtype=np.float64).tolist(),
        "std": rows.std(0, dtype=np.float64).tolist(),
        "count": [len(rows)],
    }


def _image_statistics(frames: NDArray[np.uint8]) -> Json:
    """Min, max, mean and std of each colour channel in 0..1, [3, 1, 1] as in lerobot."""
    pixels = frames.reshape(-1, 3)
    statistics = {
        "min": pixels.min(0),
        "max": pixels.max(0),
        "mean": pixels.mean(0),
        "std": pixels.std(0),
    }
    scaled = {name: (value / 255).reshape(3, 1, 1).tolist() for name, value in statistics.items()}
    return {**scaled, "count": [len(frames)]}


def _write_lines(path: Path, lines: Sequence[Json]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
