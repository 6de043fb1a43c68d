"""Version 3.0: parquet and video files of several episodes each."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import DataError
from pipeline.formats.lerobot import tables
from pipeline.formats.lerobot.clips import frame_number
from pipeline.formats.lerobot.entries import (
    Entry,
    Line,
    Number,
    Span,
    most_surplus,
    refused,
)
from pipeline.formats.lerobot.info import Info, Place, key

EPISODES = "meta/episodes"


class _Row(Line):
    """A row of a parquet file of meta/episodes."""

    data_chunk: int = Field(ge=0, lt=2**31)
    data_file: int = Field(ge=0, lt=2**31)


class _Video(BaseModel):
    """What a row says of the video of a camera."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

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


def read_entries(raw: Path, info: Info, videos: Sequence[str]) -> list[Entry]:
    """The episodes that the parquet files of meta/episodes list.

    Args:
        raw: the data set's folder.
        info: its info.json.
        videos: the cameras that are read from videos.

    Raises:
        DataError: a file is missing or damaged.
    """
    paths = sorted((raw / EPISODES).glob("chunk-*/file-*.parquet"))
    if not paths:
        raise DataError(f"{raw / EPISODES}: holds no chunk-*/file-*.parquet; fetch it again")
    columns = dict(_COLUMNS)
    for camera in videos:
        columns |= {f"{camera}/{field}": _column(camera, field) for field in _VIDEO_COLUMNS}
    return [
        _entry(row, path, info, videos) for path in paths for row in tables.records(path, columns)
    ]


def _column(camera: str, field: str) -> str:
    return f"videos/{camera}/{_VIDEO_COLUMNS[field]}"


def _entry(row: Mapping[str, object], path: Path, info: Info, videos: Sequence[str]) -> Entry:
    try:
        line = _Row.model_validate(row)
        recorded = [
            _Video.model_validate({field: row[f"{camera}/{field}"] for field in _VIDEO_COLUMNS})
            for camera in videos
        ]
    except ValidationError as error:
        return refused(error, path, lambda: Number.model_validate(row), "")
    place = f"{path}: {key(line.episode_index)}"
    data, task = Place(line.data_chunk, line.data_file), "; ".join(line.tasks)
    claims = [_span(video, line.length, info, place) for video in recorded]
    fault = next((fault for _, fault in claims if fault is not None), None)
    return Entry(line.episode_index, line.length, data, tuple(s for s, _ in claims), task, fault)


def _span(video: _Video, length: int, info: Info, place: str) -> tuple[Span, str | None]:
    """The frames of an episode of `length` rows, and why they cannot be; None if they can."""
    times = (video.from_timestamp, video.to_timestamp)
    nothing = Span(Place(0, 0), 0, 0)
    try:
        first, end = (frame_number(seconds, info.fps, place) for seconds in times)
    except DataError as error:
        return nothing, str(error)
    possible = 0 <= first < end < 2**31
    span = Span(Place(video.video_chunk, video.video_file), first, end) if possible else nothing
    if possible and 0 <= end - first - length <= most_surplus(info.fps):
        return span, None
    return span, (
        f"{place}: its video goes from {times[0]:g} to {times[1]:g} s, {end - first} frames at "
        f"{info.fps} fps, but its length is {length}; record or fetch it again"
    )
