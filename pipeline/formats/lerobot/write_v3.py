"""Writer of LeRobot v3.0: files of many episodes each; the same episodes give the same bytes."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.episodes import video
from pipeline.episodes.episode import Episode
from pipeline.formats.lerobot import features, statistics
from pipeline.formats.lerobot import info as infos
from pipeline.formats.lerobot.contents import Contents
from pipeline.formats.lerobot.features import CHUNK, Json, Layout
from pipeline.formats.lerobot.info import Place
from pipeline.formats.lerobot.video_file import VideoFile

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import parquet

DATA = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES = "meta/episodes/chunk-000/file-000.parquet"
DATA_MB, VIDEO_MB = 100, 200
"""Size from which a new file is begun."""


def write(episodes: Iterable[Episode], raw: Path, layout: Layout) -> None:
    """Write episodes to a new folder."""
    contents = Contents(layout, quantiles=True)
    rows: list[Json] = []
    stats: list[Mapping[str, statistics.Statistics]] = []
    data, videos = _Tables(raw), _Videos(raw, layout.camera)
    for episode in episodes:
        added = contents.add(episode)
        stats.append(added.stats)
        rows.append(
            {
                "episode_index": added.number,
                "tasks": [added.task],
                "length": len(episode),
                **data.add(added.table),
                "dataset_from_index": added.first,
                "dataset_to_index": contents.frames,
                **(videos.add(episode, contents.fps) if contents.is_video else {}),
                **_flat(added.stats),
                "meta/episodes/chunk_index": 0,
                "meta/episodes/file_index": 0,
            }
        )
    data.close()
    videos.close()
    _write_meta(raw, rows, contents.tasks, stats)
    features.write_meta(raw, contents.meta)
    info = {
        "codebase_version": "v3.0",
        "robot_type": layout.robot,
        "total_episodes": len(rows),
        "total_frames": contents.frames,
        "total_tasks": len(contents.tasks),
        "chunks_size": CHUNK,
        "data_files_size_in_mb": DATA_MB,
        "video_files_size_in_mb": VIDEO_MB,
        "fps": contents.fps,
        "splits": {"train": f"0:{len(rows)}"},
        "data_path": DATA,
        "video_path": VIDEO if contents.is_video else None,
        "features": contents.described,
    }
    (raw / infos.FILE).write_text(json.dumps(info, indent=4) + "\n")


def _flat(stats: Mapping[str, statistics.Statistics]) -> Json:
    return {
        f"stats/{feature}/{name}": values
        for feature, kinds in stats.items()
        for name, values in kinds.items()
    }


def _write_meta(
    raw: Path,
    rows: Sequence[Json],
    tasks: Mapping[str, int],
    stats: Sequence[Mapping[str, statistics.Statistics]],
) -> None:
    import pyarrow as pa

    features.save(pa.Table.from_pylist(rows), raw / EPISODES)
    features.save(_tasks(tasks), raw / "meta/tasks.parquet")
    joined = json.dumps(statistics.joined(stats), indent=4)
    (raw / "meta/stats.json").write_text(joined + "\n")


def _tasks(tasks: Mapping[str, int]) -> "pa.Table":
    """The tasks as pandas stores a frame of them: lerobot looks tasks up by the frame's index."""
    import pyarrow as pa

    index = {
        "index_columns": ["task"],
        "column_indexes": [],
        "columns": [
            {
                "name": name,
                "field_name": name,
                "pandas_type": kind,
                "numpy_type": stored,
                "metadata": None,
            }
            for name, kind, stored in (
                ("task_index", "int64", "int64"),
                ("task", "unicode", "object"),
            )
        ],
        "pandas_version": "2.0.0",
    }
    table = pa.table(
        {"task_index": pa.array(tasks.values(), pa.int64()), "task": pa.array(tasks, pa.string())}
    )
    return table.replace_schema_metadata({"pandas": json.dumps(index)})


class _Tables:
    """The parquet files: an episode is a row group."""

    def __init__(self, raw: Path) -> None:
        self.raw = raw
        self.files = self.bytes = 0
        self.writer: parquet.ParquetWriter | None = None

    def add(self, table: "pa.Table") -> Json:
        """Append the rows of an episode; where they are, for meta/episodes."""
        from pyarrow import parquet

        if self.writer is not None and self.bytes + table.nbytes >= DATA_MB * 2**20:
            self.close()
        if self.writer is None:
            path = self.raw / infos.fill(DATA, _place(self.files))
            path.parent.mkdir(parents=True, exist_ok=True)
            self.writer = parquet.ParquetWriter(path, table.schema, write_page_checksum=True)
            self.files, self.bytes = self.files + 1, 0
        self.writer.write_table(table)
        self.bytes += table.nbytes
        place = _place(self.files - 1)
        return {"data/chunk_index": place.chunk, "data/file_index": place.file}

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.writer = None


class _Videos:
    """The video files of the camera."""

    def __init__(self, raw: Path, camera: str) -> None:
        self.raw, self.camera = raw, camera
        self.files = 0
        self.file: VideoFile | None = None

    def add(self, episode: Episode, fps: int) -> Json:
        """Append the frames of an episode; where they are, for meta/episodes."""
        content = video.encode(episode.frames, fps, video.AV1)
        if self.file is not None and self.file.bytes + len(content) >= VIDEO_MB * 2**20:
            self.close()
        if self.file is None:
            path = self.raw / infos.fill(VIDEO, _place(self.files), self.camera)
            self.file = VideoFile(path, fps)
            self.files += 1
        first = self.file.frames
        self.file.add(content, len(episode))
        place = _place(self.files - 1)
        where: Json = {
            "chunk_index": place.chunk,
            "file_index": place.file,
            "from_timestamp": first / fps,
            "to_timestamp": self.file.frames / fps,
        }
        return {f"videos/{self.camera}/{name}": value for name, value in where.items()}

    def close(self) -> None:
        if self.file is not None:
            self.file.close()
        self.file = None


def _place(file: int) -> Place:
    """Chunk and index within it of a file, counted from 0."""
    return Place(file // CHUNK, file % CHUNK)
