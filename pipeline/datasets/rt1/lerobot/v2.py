"""Versions 2.0 and 2.1: one parquet file per episode, one video per episode and camera."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.datasets.rt1.lerobot.info import Entry, Info, Place
from pipeline.errors import DataError

EPISODES = "meta/episodes.jsonl"


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True)

    episode_index: int
    tasks: list[str]
    length: int


def read_entries(raw: Path, info: Info) -> list[Entry]:
    """The episodes that meta/episodes.jsonl lists.

    Raises:
        DataError: the file is missing or damaged.
    """
    path = raw / EPISODES
    if not path.is_file():
        raise DataError(f"{path}: no such file; the LeRobot layout needs it")
    entries = []
    for number, text in enumerate(path.read_bytes().splitlines(), 1):
        try:
            line = _Line.model_validate_json(text)
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            raise DataError(f"{path}: line {number}: {reason}; fetch it again") from None
        place = Place(line.episode_index // info.chunks_size, line.episode_index)
        task = "; ".join(line.tasks)
        entries.append(Entry(line.episode_index, line.length, 0, place, place, task))
    return entries
