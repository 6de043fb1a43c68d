"""An episode's frames out of a video file, each decoded once, in order, and counted by its time."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes import video
from pipeline.errors import DataError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

    Packets = dict[int, Packet[VideoStream]]

# Beyond a quarter of a frame the nearest frame is a guess; float32 and container time bases err
# by far less.
_TOLERANCE = 0.25


@dataclass(frozen=True, slots=True)
class Clip:
    """Frames uint8 [T, H, W, 3], and the video file whose frames are exactly these."""

    frames: NDArray[np.uint8]
    video: bytes | None


def frame_number(seconds: float, fps: float, place: str) -> int:
    """Which frame is shown from a time on.

    Raises:
        DataError: the time lies between two frames.
    """
    exact = seconds * fps
    nearest = float(np.rint(exact))
    if not abs(exact - nearest) <= _TOLERANCE:  # nor if it is NaN
        raise DataError(
            f"{place}: a frame at {seconds:.6g} s does not fit {fps} frames a second; "
            "correct fps in meta/info.json or fetch it again"
        )
    return int(nearest)


def whole(path: Path, count: int, fps: float, place: str) -> Clip:
    """All frames of a file of one episode.

    Raises:
        DataError: the file is damaged, or does not hold `count` frames, one each 1/fps s.
    """
    import av

    content = path.read_bytes()
    try:
        with av.open(io.BytesIO(content), "r") as source:
            numbers = [number for number, _ in _numbered(source, fps, place)]
    except av.error.FFmpegError as error:
        raise _damaged(place, error) from None
    if sorted(numbers) != list(range(count)):
        start, end = min(numbers, default=0) / fps, max(numbers, default=0) / fps
        raise DataError(
            f"{place}: holds {len(numbers)} frames from {start:g} to {end:g} s, "
            f"but the episode has {count} from 0 to {(count - 1) / fps:g} s; fetch both again"
        )
    frames = video.decode(content, place)
    return Clip(_counted(frames, count, place), content)


def cut(path: Path, first: int, count: int, fps: float, place: str) -> Clip:
    """Frames `first` to `first + count` of a file of many episodes; those before are not decoded.

    The packets that are needed, from the keyframe at or before `first` on, are copied to an mp4
    of their own, from which they are decoded.

    Raises:
        DataError: the file is damaged, or lacks one of the frames.
    """
    import av

    try:
        with av.open(str(path), "r") as source:
            _rewind(source, first, fps, place)
            packets = _needed(source, range(first, first + count), fps, place)
            content = _remuxed(packets, _track(source, place))
    except av.error.FFmpegError as error:
        raise _damaged(place, error) from None
    frames = _counted(video.decode(content, place), len(packets), place)
    start = sorted(packets).index(first)
    exact = len(packets) == count
    return Clip(frames[start : start + count], content if exact else None)


def _track(source: "InputContainer", place: str) -> "VideoStream":
    if not source.streams.video:
        raise DataError(f"{place}: holds no video; fetch it again")
    return source.streams.video[0]


def _numbered(
    source: "InputContainer", fps: float, place: str
) -> "Iterator[tuple[int, Packet[VideoStream]]]":
    """Packets as they are stored, each with the number of the frame that it holds."""
    for packet in source.demux(_track(source, place)):
        if packet.pts is not None:
            yield frame_number(float(packet.pts * packet.time_base), fps, place), packet


def _rewind(source: "InputContainer", first: int, fps: float, place: str) -> None:
    """Go to the last keyframe from which a frame can be decoded."""
    track = _track(source, place)
    assert track.time_base is not None
    ticks = int((first + _TOLERANCE) / fps / track.time_base)
    source.seek(ticks, stream=track)
    number, packet = next(_numbered(source, fps, place), (first, None))
    # An open group of pictures: the frame is shown before the keyframe that it is stored behind.
    if packet is not None and packet.dts is not None and number > first:
        ticks = packet.dts - 1
    source.seek(ticks, stream=track)


def _needed(source: "InputContainer", wanted: range, fps: float, place: str) -> "Packets":
    """Packets from the keyframe that the track stands at until all wanted ones are there."""
    packets: Packets = {}
    missing = set(wanted)
    for number, packet in _numbered(source, fps, place):
        if not packets and (not packet.is_keyframe or number > wanted.start):
            break
        # Frames shown before the keyframe lean on one before it: not wanted, not decodable.
        if packets and number < next(iter(packets)):
            continue
        if number in packets:
            raise DataError(f"{place}: has two frames at {number / fps:g} s; fetch it again")
        packets[number] = packet
        missing.discard(number)
        if not missing:
            return packets
    raise DataError(
        f"{place}: lacks {len(missing)} of {len(wanted)} frames, the first at "
        f"{min(missing) / fps:g} s; fetch it again"
    )


def _remuxed(packets: "Packets", track: "VideoStream") -> bytes:
    """An mp4 of these packets alone, starting at 0 s; the same packets give the same bytes."""
    import av

    start = min(packet.pts for packet in packets.values() if packet.pts is not None)
    file = io.BytesIO()
    with av.open(file, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        copy = container.add_stream_from_template(track, opaque=True)
        for packet in packets.values():
            assert packet.pts is not None
            assert packet.dts is not None
            packet.pts -= start
            packet.dts -= start
            packet.stream = copy
            container.mux(packet)
    return file.getvalue()


def _counted(frames: NDArray[np.uint8], count: int, place: str) -> NDArray[np.uint8]:
    if len(frames) != count:
        raise DataError(f"{place}: {len(frames)} of {count} frames decode; fetch it again")
    return frames


def _damaged(place: str, error: Exception) -> DataError:
    said = str(error).split("]")[-1].split(":")[0].strip()
    return DataError(f"{place}: damaged ({said}); fetch it again")
