"""Version 3.0: parquet and video files of several episodes each."""

from pathlib import Path

from pipeline.datasets.rt1.lerobot import tables
from pipeline.datasets.rt1.lerobot.clips import frame_number
from pipeline.datasets.rt1.lerobot.info import Entry, Info, Place, key
from pipeline.errors import DataError

EPISODES = "meta/episodes"


def read_entries(raw: Path, info: Info, camera: str | None) -> list[Entry]:
    """The episodes that the parquet files of meta/episodes list.

    Args:
        raw: the data set's folder.
        info: its info.json.
        camera: the video feature that is read; None if frames are stored as images.

    Raises:
        DataError: a file is missing or damaged, or an episode's video segment has another length.
    """
    paths = sorted((raw / EPISODES).glob("chunk-*/file-*.parquet"))
    if not paths:
        raise DataError(f"{raw / EPISODES}: holds no chunk-*/file-*.parquet; fetch it again")
    return [entry for path in paths for entry in _read_file(path, info, camera)]


def _read_file(path: Path, info: Info, camera: str | None) -> list[Entry]:
    names = ["episode_index", "length", "tasks", "data/chunk_index", "data/file_index"]
    prefix = f"videos/{camera}/"
    if camera is not None:
        ends = ("chunk_index", "file_index", "from_timestamp", "to_timestamp")
        names += [prefix + end for end in ends]
    table = tables.read(path, tuple(names))
    columns = [table.column(name).to_pylist() for name in names]
    if any(None in column for column in columns):
        raise DataError(f"{path}: has empty cells; fetch it again")
    entries = []
    for number, length, tasks, chunk, file, *video in zip(*columns, strict=True):
        data = Place(chunk, file)
        place, first = data, 0
        if video:
            place = Place(video[0], video[1])
            name = f"{path}: {key(number)}"
            first, end = (frame_number(seconds, info.fps, name) for seconds in video[2:])
            if end - first != length:
                raise DataError(
                    f"{name}: its video goes from {video[2]} to {video[3]} s, {end - first} frames "
                    f"at {info.fps} fps, but its length is {length}; fetch it again"
                )
        entries.append(Entry(number, length, first, data, place, "; ".join(tasks)))
    return entries
