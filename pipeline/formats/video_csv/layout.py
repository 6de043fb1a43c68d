"""Where the frames and the rows of each episode lie: paths with the episode's name in them."""

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from glob import escape
from pathlib import Path, PurePosixPath

from pipeline.errors import DataError
from pipeline.formats.video_csv import tables

EPISODE = "{episode}"
VIDEOS = (".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v")
IMAGES = (".png", ".jpg", ".jpeg")
TABLES = (".csv", ".tsv", ".parquet", ".npy")
DEPTH = 3
"""Levels of folders at which frames and tables are looked for."""
TRIED = 16
"""Patterns of frames, and of tables, that are tried with each other."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths relative to the folder of a data set, `{episode}` standing for an episode's name.

    Attributes:
        frames: a video, or a folder of images.
        table: rows of actions; the same file for every episode where no name is in it.
    """

    frames: str
    table: str

    @property
    def is_video(self) -> bool:
        """Whether the frames of an episode are a video, rather than images."""
        return self.frames.lower().endswith(VIDEOS)

    @property
    def one_table(self) -> bool:
        """Whether the rows of all episodes are in one file."""
        return EPISODE not in self.table


Named = Mapping[str, set[str]]
"""Names of episodes, by the pattern that has them."""


def find(folder: Path) -> tuple[Layout, list[str]] | None:
    """The layout that gives most episodes both frames and rows, and other patterns of frames.

    Other patterns are those of more cameras. None if no frames have rows.
    """
    frames, rows = map(_most_common, _patterns(folder))
    shared = {(f, r): len(frames[f] & rows[r]) for f in frames for r in rows}
    best = min(shared, key=lambda pair: (-shared[pair], *_preference(*pair)), default=None)
    matched = shared[best] if best is not None else 0
    layout = Layout(*best) if best is not None and matched else None
    if frames and matched <= 1 and matched < max(map(len, frames.values())):
        layout = _one_table(folder, next(iter(frames))) or layout
    if layout is None:
        return None
    count = len(frames[layout.frames])
    return layout, [f for f in frames if f != layout.frames and len(frames[f]) >= count]


def _most_common(names: Named) -> Named:
    """The patterns with the most names, the best first; in a folder of folders, most have one."""
    ranked = sorted(names, key=lambda pattern: (-len(names[pattern]), _rank(pattern)))
    return {pattern: names[pattern] for pattern in ranked[:TRIED]}


def _one_table(folder: Path, frames: str) -> Layout | None:
    """The layout of a folder with one table that says which episode a row is of."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in TABLES)
    for path in paths[:TRIED]:
        try:
            found = tables.episode_column(tables.read(path).column_names)
        except DataError:
            continue  # some other table
        if found is not None:
            return Layout(frames, path.name)
    return None


def _preference(frames: str, table: str) -> tuple[object, ...]:
    """Sorts pairs of patterns: those of one folder first, then by types of files."""
    apart = PurePosixPath(frames).parent != PurePosixPath(table).parent
    return apart, *_rank(frames), *_rank(table)


def _rank(pattern: str) -> tuple[bool, int, str]:
    """Sorts patterns: names of files before those of folders, then by the type of file."""
    path = PurePosixPath(pattern)
    suffixes = (*VIDEOS, *TABLES)
    known = path.suffix.lower() in suffixes
    return EPISODE not in path.name, suffixes.index(path.suffix.lower()) if known else 99, pattern


def _patterns(folder: Path) -> tuple[Named, Named]:
    """Every pattern that the frames and the tables of a folder go with."""
    frames: dict[str, set[str]] = defaultdict(set)
    rows: dict[str, set[str]] = defaultdict(set)
    for path, is_table in _walk(folder, PurePosixPath(), DEPTH):
        for place, part in enumerate(path.parts):
            last = place == len(path.parts) - 1 and path.suffix.lower() in (*VIDEOS, *TABLES)
            named = EPISODE + path.suffix if last else EPISODE
            pattern = PurePosixPath(*path.parts[:place], named, *path.parts[place + 1 :])
            (rows if is_table else frames)[str(pattern)].add(path.stem if last else part)
    return frames, rows


def _walk(folder: Path, inner: PurePosixPath, depth: int) -> Iterator[tuple[PurePosixPath, bool]]:
    """Videos, folders of images, and tables (True), relative to the folder that is walked."""
    try:
        entries = sorted(os.scandir(folder / inner), key=lambda entry: entry.name)
    except OSError:  # a folder that may not be read holds nothing that could be
        return
    for entry in entries:
        suffix = PurePosixPath(entry.name).suffix.lower()
        if entry.name.startswith("."):
            continue
        if suffix in VIDEOS or suffix in TABLES:
            yield inner / entry.name, suffix in TABLES
        elif depth > 1 and entry.is_dir():
            yield from _walk(folder, inner / entry.name, depth - 1)
    if inner.parts and any(entry.name.lower().endswith(IMAGES) for entry in entries):
        yield inner, False


def names(folder: Path, layout: Layout) -> list[str]:
    """Every episode that has frames or rows, in natural order."""
    found = _named(folder, layout.frames)
    if not layout.is_video:
        found = {n for n in found if (folder / layout.frames.replace(EPISODE, n)).is_dir()}
    return sorted(found if layout.one_table else found | _named(folder, layout.table), key=natural)


def _named(folder: Path, pattern: str) -> set[str]:
    before, after = pattern.split(EPISODE)
    shape = re.compile(f"{re.escape(before)}([^/]+){re.escape(after)}")
    found = (path.relative_to(folder).as_posix() for path in folder.glob(_glob(before, after)))
    return {match[1] for name in found if (match := shape.fullmatch(name)) and match[1][0] != "."}


def _glob(before: str, after: str) -> str:
    return f"{escape(before)}*{escape(after)}"


def natural(name: str) -> list[tuple[bool, int, str]]:
    """Sorts names as people number them: episode_9 before episode_10."""
    parts = re.split(r"(\d+)", name)
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]
