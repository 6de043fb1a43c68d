"""Versions 2.0 and 2.1: one parquet file per episode, one video per episode and camera."""

from pathlib import Path

from pydantic import ValidationError

from pipeline.errors import DataError
from pipeline.formats.lerobot.entries import Entry, Line, Number, Span, refused
from pipeline.formats.lerobot.info import Info, Place

EPISODES = "meta/episodes.jsonl"


def read_entries(raw: Path, info: Info, videos: int) -> list[Entry]:
    """The episodes that meta/episodes.jsonl lists; `videos` cameras are read from videos.

    Raises:
        DataError: the file is missing or damaged.
    """
    path = raw / EPISODES
    if not path.is_file():
        raise DataError(f"{path}: no such file; the LeRobot layout needs it; fetch it again")
    lines = enumerate(path.read_bytes().splitlines(), 1)
    return [_entry(text, path, number, info, videos) for number, text in lines]


def _entry(text: bytes, path: Path, number: int, info: Info, videos: int) -> Entry:
    try:
        line = Line.model_validate_json(text)
    except ValidationError as error:
        return refused(error, path, lambda: Number.model_validate_json(text), f"line {number}: ")
    index, length = line.episode_index, line.length
    place = Place(index // info.chunks_size, index)
    spans = (Span(place, 0, length),) * videos
    return Entry(index, length, place, spans, "; ".join(line.tasks))
