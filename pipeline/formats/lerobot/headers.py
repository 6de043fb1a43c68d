"""What the header of a video file says: its pixel format and how long it is."""

from functools import lru_cache
from math import inf
from pathlib import Path
from typing import NamedTuple

from pipeline.episodes import video


class Header(NamedTuple):
    """The header of a video file.

    Attributes:
        pixel_format: in FFmpeg's words; None if it is not known before decoding.
        seconds: when the last frame ends; None if the container does not say.
        frames: number of frames; 0 if the container does not say.
    """

    pixel_format: str | None
    seconds: float | None
    frames: int

    def most_frames(self, fps: float) -> float:
        """How many frames the file may hold: fewer where some are missing between others.

        Its duration tells less where the last frame has none.
        """
        return inf if self.seconds is None else max(self.frames, round(self.seconds * fps))


def read(path: Path) -> Header:
    """The header of a video file that is there.

    Raises:
        DataError: the file is damaged, or holds no video.
    """
    return _cached(path, path.stat().st_mtime_ns)


# A file of v3.0 holds thousands of episodes.
@lru_cache(maxsize=64)
def _cached(path: Path, _mtime: int) -> Header:
    with video.opened(path, str(path)) as (_, track):
        seconds = None
        if track.duration is not None and track.time_base is not None:
            seconds = float((track.duration + (track.start_time or 0)) * track.time_base)
        return Header(track.pix_fmt, seconds, track.frames)
