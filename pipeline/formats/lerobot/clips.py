"""An episode's frames from a video file, decoded once, in order, and matched by timestamp."""

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

TOLERANCE = 0.25
"""In frames. float32 timestamps and container time bases err by far less."""


@dataclass(frozen=True, slots=True)
class Clip:
    """The frames of an episode.

    Attributes:
        frames: uint8 [T, H, W, 3].
        video: content of a video that begins with these frames, or None.
        surplus: number of frames that were recorded after them, which no row belongs to.
    """

    frames: NDArray[np.uint8]
    video: bytes | None
    surplus: int = 0


def frame_number(seconds: float, fps: float, place: str) -> int:
    """Index of the frame at a time.

    Raises:
        DataError: the time is farther than a quarter of a frame from every frame.
    """
    exact = seconds * fps
    nearest = float(np.rint(exact))
    if not abs(exact - nearest) <= TOLERANCE:  # also refuses NaN
        raise DataError(
            f"{place}: a frame at {seconds:.6g} s does not fit {fps} fps; "
            "correct fps in meta/info.json or fetch it again"
        )
    return int(nearest)


def whole(path: Path, count: int, most_surplus: float, fps: float, place: str) -> Clip:
    """The first `count` frames of a video file of one episode.

    Raises:
        DataError: the file is damaged, or its frames are not `count`, and up to `most_surplus`
            more, at `fps` from 0 s on.
    """
    content = path.read_bytes()
    with video.opened(content, place) as (source, track):
        numbers = [
            number
            for number, packet in _numbered(source, track, fps, place)
            if not packet.is_discard  # a trimmed file keeps packets that it does not present
        ]
    surplus = len(numbers) - count
    if sorted(numbers) != list(range(len(numbers))) or not 0 <= surplus <= most_surplus:
        start, end = min(numbers, default=0) / fps, max(numbers, default=0) / fps
        raise DataError(
            f"{place}: holds {len(numbers)} frames from {start:g} to {end:g} s, "
            f"but the episode has {count} from 0 to {(count - 1) / fps:g} s; fetch both again"
        )
    frames = video.decode(content, place)
    return Clip(_check_count(frames, len(numbers), place)[:count], content, surplus)


def cut(path: Path, first: int, count: int, fps: float, place: str) -> Clip:
    """Frames `first` to `first + count` (exclusive) of a video file of many episodes.

    The packets from the last keyframe before `first` on are remuxed to an mp4 of their own and
    decoded from it; earlier frames are not decoded.

    Raises:
        DataError: the file is damaged, or lacks one of the frames.
    """
    with video.opened(path, place) as (source, track):
        _seek_keyframe(source, track, first, fps, place)
        packets = _collect_packets(source, track, range(first, first + count), fps, place)
        content = _remuxed(packets, track)
    frames = _check_count(video.decode(content, place), len(packets), place)
    start = sorted(packets).index(first)
    return Clip(frames[start : start + count], content if len(packets) == count else None)


def _numbered(
    source: "InputContainer", track: "VideoStream", fps: float, place: str
) -> "Iterator[tuple[int, Packet[VideoStream]]]":
    """Packets in storage order, each with the index of its frame."""
    for packet in source.demux(track):
        if packet.pts is not None:
            yield frame_number(float(packet.pts * packet.time_base), fps, place), packet


def _seek_keyframe(
    source: "InputContainer", track: "VideoStream", first: int, fps: float, place: str
) -> None:
    """Seek to the last keyframe from which frame `first` can be decoded."""
    assert track.time_base is not None
    ticks = int((first + TOLERANCE) / fps / track.time_base)
    source.seek(ticks, stream=track)
    number, packet = next(_numbered(source, track, fps, place), (first, None))
    # Open GOP: the frame precedes, in presentation order, the keyframe that it is stored after.
    if packet is not None and packet.dts is not None and number > first:
        ticks = packet.dts - 1
    source.seek(ticks, stream=track)


def _collect_packets(
    source: "InputContainer", track: "VideoStream", required: range, fps: float, place: str
) -> "Packets":
    """Packets from the present keyframe on until all required frames have theirs."""
    packets: Packets = {}
    missing = set(required)
    for number, packet in _numbered(source, track, fps, place):
        if not packets and (not packet.is_keyframe or number > required.start):
            break
        # Frames presented before the keyframe depend on an earlier one: not decodable here.
        if packets and number < next(iter(packets)):
            continue
        if number in packets:
            raise DataError(f"{place}: has two frames at {number / fps:g} s; fetch it again")
        packets[number] = packet
        missing.discard(number)
        if not missing:
            return packets
    raise DataError(
        f"{place}: lacks {len(missing)} of {len(required)} frames, the first at "
        f"{min(missing) / fps:g} s; fetch it again"
    )


def _remuxed(packets: "Packets", stream: "VideoStream") -> bytes:
    """An mp4 of these packets, shifted to start at 0 s; the same packets give the same bytes."""
    import av

    start = min(packet.pts for packet in packets.values() if packet.pts is not None)
    file = io.BytesIO()
    with av.open(file, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        copy = container.add_stream_from_template(stream, opaque=True)
        for packet in packets.values():
            assert packet.pts is not None
            assert packet.dts is not None
            packet.pts -= start
            packet.dts -= start
            packet.stream = copy
            container.mux(packet)
    return file.getvalue()


def _check_count(frames: NDArray[np.uint8], count: int, place: str) -> NDArray[np.uint8]:
    if len(frames) != count:
        raise DataError(f"{place}: {len(frames)} of {count} frames decode; fetch it again")
    return frames
