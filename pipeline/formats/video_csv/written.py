"""Writer of mp4 and CSV files, and what videos and tables cannot hold: meta and cameras."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

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
        content = video.encode(episode.frames, FPS, video.LOSSLESS)
        (raw / VIDEO.replace(EPISODE, episode.key)).write_bytes(content)
        (raw / TABLE.replace(EPISODE, episode.key)).write_text(_csv(episode))
        if episode.cameras is not None:
            path = raw / CAMERAS.replace(EPISODE, episode.key)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(npz_bytes(cameras.to_arrays(episode.cameras)))
        meta[episode.key] = episode.meta
    episode_meta.write(raw / META, meta)


def _csv(episode: Episode) -> str:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    names = [f"action_{n}" for n in range(episode.actions.shape[1])]
    names += [f"state_{n}" for n in range(episode.states.shape[1])]
    lines.writerow(["frame", *names])
    for number, (action, state) in enumerate(zip(episode.actions, episode.states, strict=True)):
        lines.writerow([number, *action, *state])
    return text.getvalue()
