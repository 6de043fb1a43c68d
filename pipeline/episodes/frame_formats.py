"""Formats of an episode's frames in a shard: the recorded video, or a lossless codec."""

import io
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.episodes.episode import Episode

Codec = Literal["raw", "deflate", "h264"]
"""Lossless codec for frames that were not recorded as video: raw is numpy's npy, deflate its
compressed npz, h264 an mp4 of RGB H.264 (libx264rgb, qp 0)."""

FPS = 10  # metadata of the lossless mp4; changes no frame


def pack(episode: "Episode", codec: Codec) -> tuple[str, bytes]:
    """Name and content of the tar member that holds the frames; a recorded video is copied."""
    import numpy as np

    from pipeline.episodes import video

    if episode.video is not None:
        return "frames.mp4", episode.video
    if codec == "h264":
        return "frames.mp4", video.encode(episode.frames, FPS, video.LOSSLESS)
    buffer = io.BytesIO()
    if codec == "raw":
        np.save(buffer, episode.frames)
        return "frames.npy", buffer.getvalue()
    np.savez_compressed(buffer, frames=episode.frames)
    return "frames.npz", buffer.getvalue()


def unpack(name: str, content: bytes, count: int, place: str, way_out: str) -> "NDArray[np.uint8]":
    """The first `count` frames uint8 [T, H, W, 3] of a tar member that `pack` made.

    Raises:
        DataError: the video is damaged or too short; the message begins with `place` and
            ends with `way_out`.
        Exception: an array is damaged.
    """
    from pipeline.episodes import video
    from pipeline.files.npy import parse_npy, parse_npz

    if name == "frames.mp4":
        return video.decode(content, place, count, way_out)
    return parse_npz(content)["frames"] if name == "frames.npz" else parse_npy(content)


MEMBERS = ("frames.mp4", "frames.npz", "frames.npy")
