"""Writer of mp4 and CSV files, and what videos and tables cannot hold: meta and cameras."""

import csv
import io
import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from pipeline import stage
from pipeline.episodes import cameras, video
from pipeline.episodes.episode import Episode, Meta
from pipeline.files.npy import npz_bytes
from pipeline.formats._shared import episode_meta
from pipeline.formats.video_csv.layout import EPISODE

FPS = 10
"""In the metadata of the videos; changes no frame."""
VIDEO = f"videos/{EPISODE}.mp4"
TABLE = f"actions/{EPISODE}.csv"
META = "video_csv.json"
CAMERAS = f"cameras/{EPISODE}.npz"
"""Of an episode whose cameras are known: intrinsics [4] or [T, 4], poses [T, 4, 4], depth."""


def write(episodes: Iterable[Episode], raw: Path) -> None:
    """Write a video and a table for each episode as it comes, and their meta last.

    Videos are lossless (RGB H.264, which VLC and FFmpeg play). Numbers are the shortest that are
    read back as the same float32.
    """
    for pattern in (VIDEO, TABLE):
        (raw / pattern).parent.mkdir(parents=True)
    meta: dict[str, Meta] = {}
    for episode in episodes:
        for path, content in _files(episode).items():
            (raw / path).parent.mkdir(exist_ok=True)
            (raw / path).write_bytes(content)
        meta[episode.key] = episode.meta
    episode_meta.write(raw / META, meta)


def add(episode: Episode, raw: Path) -> None:
    """Add an episode to a set, which need not be there; whoever stops it leaves the set whole.

    Raises:
        DataError: the file of the others' meta is damaged.
    """
    meta = {**episode_meta.read(raw / META), episode.key: episode.meta}
    with ExitStack() as stack:
        for path, content in _files(episode).items():
            (raw / path).parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(stage.output(raw / path)).write_bytes(content)
        episode_meta.write(stack.enter_context(stage.output(raw / META)), meta)


def copy(key: str, raw: Path, out: Path) -> None:
    """Copy an episode of a set into a new set.

    Raises:
        DataError: the file of the meta is damaged.
    """
    out.mkdir(parents=True)
    for pattern in (VIDEO, TABLE, CAMERAS):
        path = pattern.replace(EPISODE, key)
        if (raw / path).is_file():
            (out / path).parent.mkdir()
            shutil.copyfile(raw / path, out / path)
    episode_meta.write(out / META, {key: episode_meta.read(raw / META).get(key, {})})


def _files(episode: Episode) -> dict[str, bytes]:
    """Content of each file of an episode, by its path in the set."""
    files = {
        VIDEO: video.encode(episode.frames, FPS, video.LOSSLESS),
        TABLE: _csv(episode).encode(),
    }
    if episode.cameras is not None:
        files[CAMERAS] = npz_bytes(cameras.to_arrays(episode.cameras))
    return {path.replace(EPISODE, episode.key): content for path, content in files.items()}


def _csv(episode: Episode) -> str:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    names = [f"action_{n}" for n in range(episode.actions.shape[1])]
    names += [f"state_{n}" for n in range(episode.states.shape[1])]
    lines.writerow(["frame", *names])
    for number, (action, state) in enumerate(zip(episode.actions, episode.states, strict=True)):
        lines.writerow([number, *action, *state])
    return text.getvalue()
