"""How an episode's frames lie in a shard: losslessly, or as the video that they came from."""

import io
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.episodes.episode import Episode

Codec = Literal["raw", "deflate", "h264"]
"""For frames that were not recorded as video: numpy's npy, its compressed npz, or lossless RGB
H.264 (libx264rgb, qp 0) in an mp4."""

FPS = 10  # a tag of the lossless mp4 that changes no frame


def pack(episode: "Episode", codec: Codec) -> tuple[str, bytes]:
    """Name and content of the member that holds the frames; a recorded video is copied."""
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


def unpack(name: str, content: bytes, count: int, place: str) -> "NDArray[np.uint8]":
    """The first `count` frames [T, H, W, 3] of such a member.

    Raises:
        DataError: the video is damaged or too short; `place` is named.
        ValueError: an array is damaged.
    """
    import numpy as np

    from pipeline.episodes import video

    if name == "frames.mp4":
        return video.decode(content, place, count)
    array = np.load(io.BytesIO(content), allow_pickle=False)
    return array["frames"] if name == "frames.npz" else array


MEMBERS = ("frames.mp4", "frames.npz", "frames.npy")
