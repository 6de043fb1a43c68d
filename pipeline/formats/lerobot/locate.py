"""Where the rows and the video of each episode lie: what the meta files say is a hint only.

Sets that were merged, split or renumbered by tools name parquet files that are not there, or that
hold other episodes. Rows are those of their `episode_index`, in whichever file.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import DataError
from pipeline.formats.lerobot import info as infos
from pipeline.formats.lerobot import tables
from pipeline.formats.lerobot.entries import Entry
from pipeline.formats.lerobot.info import Info, Place


@dataclass(frozen=True, slots=True)
class Folder:
    """A data set's folder, its info.json, the cameras, and the features of actions and states."""

    raw: Path
    info: Info
    cameras: tuple[str, ...]
    actions: dict[str, int]
    states: dict[str, int]

    @property
    def videos(self) -> tuple[str, ...]:
        """The cameras whose frames are stored as videos."""
        return tuple(name for name in self.cameras if self.info.features[name].dtype == "video")

    @property
    def images(self) -> tuple[str, ...]:
        """The cameras whose frames are stored as images in the parquet files."""
        return tuple(name for name in self.cameras if self.info.features[name].dtype != "video")

    @property
    def is_v3(self) -> bool:
        """Whether a file holds several episodes."""
        return self.info.codebase_version == "v3.0"

    def data(self, place: Place) -> Path:
        """Path of a parquet file."""
        return self.raw / infos.fill(self.info.data_path, place)

    def video(self, place: Place, camera: str) -> Path:
        """Path of a video file of a camera."""
        assert self.info.video_path is not None
        return self.raw / infos.fill(self.info.video_path, place, camera)


@dataclass(slots=True)
class Located:
    """Files that are not where the meta files say, and why other episodes cannot be read.

    Attributes:
        rows: parquet files, by `episode_index`.
        videos: video files, by `episode_index` and camera.
        absent: the `episode_index` of those whose rows or video no file holds.
        faults: why others cannot be read, by `episode_index`.
    """

    rows: dict[int, tuple[Path, ...]]
    videos: dict[tuple[int, str], Path]
    absent: set[int]
    faults: dict[int, str]


def locate(folder: Folder, entries: Sequence[Entry]) -> Located:
    """Find the files of each episode.

    A v3 set's parquet files are few and all of them are looked into. Those of a v2 set are one per
    episode: they are looked into only if one is missing.
    """
    located = Located({}, {}, set(), {})
    known = [entry for entry in entries if entry.length]
    hints = {place: folder.data(place) for place in {entry.data for entry in known}}
    if known and (folder.is_v3 or not all(path.is_file() for path in hints.values())):
        holders = _holders(sorted(folder.raw.glob(infos.pattern(folder.info.data_path))))
        for entry in known:
            _find_rows(entry, hints[entry.data], holders.get(entry.number, {}), located)
    for position, camera in enumerate(folder.videos):
        _find_videos(folder, camera, position, known, located)
    return located


def _holders(paths: Sequence[Path]) -> dict[int, dict[Path, int]]:
    """The files that hold rows of an episode, and how many; damaged files hold none."""
    holders: dict[int, dict[Path, int]] = defaultdict(dict)
    for path in paths:
        try:
            rows = tables.episodes(path)
        except DataError:
            continue  # reading an episode that is said to lie there says why
        for number, count in rows.items():
            holders[number][path] = count
    return holders


def _find_rows(entry: Entry, hint: Path, files: dict[Path, int], located: Located) -> None:
    if not files:
        if not hint.is_file():
            located.absent.add(entry.number)
    elif len(files) > 1 and sum(files.values()) != entry.length:
        counts = ", ".join(f"{count} in {path}" for path, count in files.items())
        located.faults[entry.number] = (
            f"{hint}: {infos.key(entry.number)}: {len(files)} files hold rows of it ({counts}), "
            f"but its length is {entry.length}; fetch them again or leave it out"
        )
    elif list(files) != [hint]:
        located.rows[entry.number] = tuple(files)


def _find_videos(
    folder: Folder, camera: str, position: int, entries: Sequence[Entry], located: Located
) -> None:
    """Find the files of one camera, whose spans are at this position of each entry."""
    template = folder.info.video_path
    assert template is not None
    wanted = [(entry.number, entry.spans[position].video) for entry in entries]
    places = {place for number, place in wanted if number not in located.absent}
    gone = {place for place in places if not folder.video(place, camera).is_file()}
    for number, place in wanted:
        if place not in gone:
            continue
        found = []
        # A video says nothing of its episodes: only a v2 file, by its name.
        if not folder.is_v3:
            name = infos.pattern(template, episode_index=number, video_key=camera)
            found = list(folder.raw.glob(name))
        if len(found) == 1:
            located.videos[number, camera] = found[0]
        else:
            located.absent.add(number)
