"""Version 3.0: parquet and video files of several episodes each."""

from pathlib import Path

from pydantic import Field, ValidationError

from pipeline.errors import DataError
from pipeline.formats.lerobot import tables
from pipeline.formats.lerobot.clips import frame_number
from pipeline.formats.lerobot.entries import (
    Entry,
    Line,
    Number,
    most_surplus,
    refused,
)
from pipeline.formats.lerobot.info import Info, Place, key

EPISODES = "meta/episodes"


class _Row(Line):
    """A row of a parquet file of meta/episodes."""

    data_chunk: int = Field(ge=0, lt=2**31)
    data_file: int = Field(ge=0, lt=2**31)


class _VideoRow(_Row):
    """A row, where the camera records a video."""

    video_chunk: int = Field(ge=0, lt=2**31)
    video_file: int = Field(ge=0, lt=2**31)
    from_timestamp: float
    to_timestamp: float


_COLUMNS = {
    "episode_index": "episode_index",
    "length": "length",
    "tasks": "tasks",
    "data_chunk": "data/chunk_index",
    "data_file": "data/file_index",
}
_VIDEO_COLUMNS = {
    "video_chunk": "chunk_index",
    "video_file": "file_index",
    "from_timestamp": "from_timestamp",
    "to_timestamp": "to_timestamp",
}


def read_entries(raw: Path, info: Info, camera: str | None) -> list[Entry]:
    """The episodes that the parquet files of meta/episodes list.

    Args:
        raw: the data set's folder.
        info: its info.json.
        camera: the video feature that is read; None if frames are stored as images.

    Raises:
        DataError: a file is missing or damaged.
    """
    paths = sorted((raw / EPISODES).glob("chunk-*/file-*.parquet"))
    if not paths:
        raise DataError(f"{raw / EPISODES}: holds no chunk-*/file-*.parquet; fetch it again")
    return [entry for path in paths for entry in _read_file(path, info, camera)]


def _read_file(path: Path, info: Info, camera: str | None) -> list[Entry]:
    columns = dict(_COLUMNS)
    if camera is not None:
        columns |= {field: f"videos/{camera}/{end}" for field, end in _VIDEO_COLUMNS.items()}
    return [_entry(row, path, info) for row in tables.records(path, columns)]


def _entry(row: dict[str, object], path: Path, info: Info) -> Entry:
    try:
        if "video_file" not in row:
            line = _Row.model_validate(row)
            return _of(line, 0, 0, Place(0, 0))
        video = _VideoRow.model_validate(row)
    except ValidationError as error:
        return refused(error, path, lambda: Number.model_validate(row), "")
    return _with_video(video, path, info)


def _with_video(line: _VideoRow, path: Path, info: Info) -> Entry:
    place = f"{path}: {key(line.episode_index)}"
    times = (line.from_timestamp, line.to_timestamp)
    entry = _of(line, 0, 0, Place(0, 0))
    try:
        first, end = (frame_number(seconds, info.fps, place) for seconds in times)
    except DataError as error:
        return entry._replace(fault=str(error))
    if 0 <= first < end < 2**31:
        entry = _of(line, first, end, Place(line.video_chunk, line.video_file))
    if not (entry.end and 0 <= end - first - line.length <= most_surplus(info.fps)):
        fault = (
            f"{place}: its video goes from {times[0]:g} to {times[1]:g} s, {end - first} frames "
            f"at {info.fps} fps, but its length is {line.length}; record or fetch it again"
        )
        return entry._replace(fault=fault)
    return entry


def _of(line: _Row, first: int, end: int, video: Place) -> Entry:
    data = Place(line.data_chunk, line.data_file)
    task = "; ".join(line.tasks)
    return Entry(line.episode_index, line.length, first, end, data, video, task)
