"""LeRobot v2 through the lerobot library itself: the episodes that it lists, the rows it reads.

Frames are decoded as for any other set, each video once and in order: the library seeks anew for
every frame, with decoders of torchvision that newer ones lack.
"""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.datasets._shared.lerobot.info import Info, Listed, Place
from pipeline.errors import DataError, ParamsError

if TYPE_CHECKING:
    import pyarrow as pa

META = ("meta/tasks.jsonl", "meta/episodes.jsonl")
STATISTICS = {"v2.0": "meta/stats.json", "v2.1": "meta/episodes_stats.jsonl"}
NAME = "local/set"
"""The library wants an id; it is never looked up, because no file is missing."""


def listed(raw: Path, info: Info) -> list[Listed]:
    """The episodes that the library lists.

    Raises:
        ParamsError: the library is not installed, or does not read this version.
        DataError: a meta file is missing or damaged.
    """
    if info.codebase_version not in STATISTICS:
        raise ParamsError(
            f"datasets.rt1.reader = lerobot, but {raw} is {info.codebase_version}, which the "
            "lerobot that is pinned does not read; set it to pyarrow"
        )
    for name in (*META, STATISTICS[info.codebase_version]):
        if not (raw / name).is_file():  # the library would look for it on the hub
            raise DataError(f"{raw / name}: no such file; fetch it, or set reader: pyarrow")
    library = _library()
    try:
        meta = library.LeRobotDatasetMetadata(NAME, raw)
        return [_entry(meta, number) for number in sorted(meta.episodes)]
    except (ValueError, KeyError, TypeError) as error:
        said = f"lerobot does not read it ({type(error).__name__}: {error})"
        raise DataError(f"{raw}/meta: {said}; fetch it again, or set reader: pyarrow") from None


def rows(raw: Path, numbers: tuple[int, ...], index: int) -> "pa.Table":
    """All columns of one episode.

    Args:
        raw: the set's folder.
        numbers: the episodes that are opened.
        index: which of these is read.

    Raises:
        DataError: a file is missing or damaged, or its times do not fit the set's frame rate.
    """
    dataset = _opened(raw, numbers)
    start, stop = (int(dataset.episode_data_index[end][index]) for end in ("from", "to"))
    table: pa.Table = dataset.hf_dataset.with_format("arrow")[start:stop]
    return table


@lru_cache(maxsize=1)
def _opened(raw: Path, numbers: tuple[int, ...]) -> Any:
    library = _library()
    from datasets import disable_progress_bars

    disable_progress_bars()  # ours counts the episodes
    meta = library.LeRobotDatasetMetadata(NAME, raw)
    for number in numbers:
        for camera in meta.video_keys:
            path = raw / meta.get_video_file_path(number, camera)
            if not path.is_file():
                raise DataError(
                    f"{path}: no such file; lerobot wants all cameras: fetch it, or set "
                    "datasets.rt1.reader: pyarrow"
                )
    try:
        return library.LeRobotDataset(NAME, raw, list(numbers), video_backend="pyav")
    except (ValueError, RuntimeError, OSError) as error:
        said = str(error).strip().splitlines()[0]
        raise DataError(f"{raw}: lerobot does not read it ({said}); fetch it again") from None


def _entry(meta: Any, number: int) -> Listed:
    episode = meta.episodes[number]
    place = Place(meta.get_episode_chunk(number), number)
    return Listed(number, episode["length"], 0, place, place, "; ".join(episode["tasks"]))


def _library() -> Any:
    from pipeline.compute.torchvision_shim import make_importable

    make_importable()
    try:
        from lerobot.datasets import lerobot_dataset
    except ImportError:
        raise ParamsError(
            "datasets.rt1.reader = lerobot, but lerobot is missing; pip install -e '.[lerobot]' "
            "(it needs a C compiler) or set it to pyarrow"
        ) from None
    return lerobot_dataset
