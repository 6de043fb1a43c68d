"""Video in memory: decoding in order, deterministic encoding."""

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes import nal_units
from pipeline.errors import DataError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

Frames = NDArray[np.uint8]
Write = Callable[[Frames], None]
"""Takes the next frame of a video."""

# Published sets: yuv420p h264 (PushT), AV1 with a keyframe every other frame (LeRobot).
H264 = {
    "codec": "libx264", "pix_fmt": "yuv420p", "crf": "18", "preset": "veryfast",
    # With mbtree, x264's assembly reads memory that nobody has written: the same frames give now
    # these bytes, now others (PyAV 18.1).
    "x264-params": "mbtree=0",
}  # fmt: skip
AV1 = {
    "codec": "libsvtav1", "pix_fmt": "yuv420p", "crf": "30", "preset": "8", "g": "2",
    "svtav1-params": "lp=1",
}  # fmt: skip
os.environ.setdefault("SVT_LOG", "1")  # log errors only; read when the encoder is loaded
LOSSLESS = {"codec": "libx264rgb", "pix_fmt": "rgb24", "qp": "0", "preset": "veryfast"}

FETCH = "fetch it again"
LIMITS = {"max_pixels": str(2**25)}
"""8K; a damaged header may claim more than there is memory for."""
STRICT = {"err_detect": "explode"}
"""Options of a decoder that must not go on after an error. In H.264 they would refuse a sound file
that begins with an open group, as one trimmed by stream copy may; there, of 2,100 flipped bits they
find a single one that `frame.is_corrupt` does not."""


def decode(
    video: bytes | Path, place: str, count: int | None = None, way_out: str = FETCH
) -> Frames:
    """The first `count` frames of a video, all if None: uint8 [T, H, W, 3] RGB.

    Args:
        video: a file, or the content of one.
        place: what error messages name.
        count: number of frames to decode; the video must have as many.
        way_out: what error messages advise.

    Raises:
        DataError: the video is damaged, too short, or changes its resolution.
    """
    frames: list[Frames] = []
    for frame in stream(video, place, way_out):
        if frames and frame.shape != frames[0].shape:
            raise DataError(
                f"{place}: frame {len(frames)} is {frame.shape[1]}x{frame.shape[0]}, those before "
                f"{frames[0].shape[1]}x{frames[0].shape[0]}; {way_out}, or leave it out"
            )
        frames.append(frame)
        if len(frames) == count:
            break
    if not frames or len(frames) < (count or 1):
        raise DataError(f"{place}: holds {len(frames)} of {count or 1} frames; {way_out}")
    return np.stack(frames)


def stream(video: bytes | Path, place: str, way_out: str = FETCH) -> Iterator[Frames]:
    """The presented frames uint8 [H, W, 3] RGB of a video, one after another.

    Colours are converted as the video is tagged (ITU-R BT.709, full range, ..), by BT.601 where it
    is not. A flipped bit that leaves the stream decodable cannot be seen: codecs have no checksums.

    Raises:
        DataError: the video is missing or damaged, by the decoder's strictest judgement.
    """
    with opened(video, place, way_out) as (container, track):
        context = track.codec_context
        context.options = LIMITS if context.name == "h264" else LIMITS | STRICT
        track.thread_type = "NONE"  # ingest runs one process a core
        for number, packet in enumerate(container.demux(track)):
            if nal_units.is_damaged(bytes(packet), context.name, context.extradata):
                reason = f"packet {number} holds bytes that no encoder writes"
                raise DataError(f"{place}: damaged ({reason}); {way_out}")
            for frame in packet.decode():
                if frame.is_corrupt:
                    reason = f"a frame of packet {number} is incomplete"
                    raise DataError(f"{place}: damaged ({reason}); {way_out}")
                yield frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)


@contextmanager
def opened(
    video: bytes | Path, place: str, way_out: str = FETCH
) -> "Iterator[tuple[InputContainer, VideoStream]]":
    """A video file and its first video stream; errors of FFmpeg within become DataErrors.

    Raises:
        DataError: the file is missing or damaged, or holds no video that can be decoded.
    """
    import av

    if isinstance(video, Path) and not video.is_file():
        raise DataError(f"{place}: no such file; {way_out}")
    source = str(video) if isinstance(video, Path) else io.BytesIO(video)
    try:
        # Metadata, which nobody reads, may be in any encoding.
        with av.open(source, "r", metadata_errors="ignore") as container:
            tracks = container.streams.video
            if not tracks or tracks[0].codec_context is None:
                raise DataError(f"{place}: holds no video that can be decoded; {way_out}")
            yield container, tracks[0]
    except av.error.FFmpegError as error:
        raise DataError(f"{place}: damaged ({error.strerror}); {way_out}") from None


def encode(frames: Iterable[Frames], fps: int, settings: dict[str, str]) -> bytes:
    """Frames uint8 [H, W, 3] as the content of an mp4; arguments are those of `writer`."""
    file = io.BytesIO()
    with writer(file, fps, settings) as write:
        for frame in frames:
            write(frame)
    return file.getvalue()


@contextmanager
def writer(file: IO[bytes], fps: int, settings: dict[str, str]) -> Iterator[Write]:
    """Write an mp4 frame by frame; the same frames give the same bytes.

    Args:
        file: to write to, and to seek in.
        fps: frames per second in the metadata; changes no frame.
        settings: H264, AV1 or LOSSLESS.

    Yields:
        What takes the next frame, uint8 [H, W, 3] RGB; height and width must be even unless the
        settings are LOSSLESS.
    """
    import av

    options = {key: value for key, value in settings.items() if key not in ("codec", "pix_fmt")}
    with av.open(file, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        track: Any = container.add_stream(settings["codec"], rate=fps, options=options)

        def write(frame: Frames) -> None:
            if not track.codec_context.is_open:
                track.height, track.width = frame.shape[:2]
                track.pix_fmt = settings["pix_fmt"]
                track.thread_count = 1
                with _scheduling_restored():
                    track.codec_context.open()
            container.mux(track.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))

        yield write
        container.mux(track.encode())


@contextmanager
def _scheduling_restored() -> Iterator[None]:
    """Undo the real-time priority that SVT-AV1 gives to its own threads and the calling one.

    It does so wherever it is permitted: for root, so in most containers. Other processes would
    starve, and child processes inherit it.
    """
    if sys.platform != "linux":
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        for task in map(int, os.listdir("/proc/self/task")):
            with suppress(ProcessLookupError):  # the thread has ended
                if os.sched_getscheduler(task) == os.SCHED_FIFO:
                    os.sched_setscheduler(task, policy, parameters)
