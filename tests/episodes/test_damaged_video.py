"""A damaged video is refused, as far as decoding can tell."""

import io
from functools import cache

import av
import numpy as np
import pytest
from lerobot_helpers import waves

from pipeline.episodes import video
from pipeline.errors import DataError

H265 = {"codec": "libx265", "pix_fmt": "yuv420p", "x265-params": "log-level=none"}
SETTINGS = {"h264": video.H264, "h265": H265, "av1": video.AV1, "lossless": video.LOSSLESS}
LENGTH = 12


@cache
def whole(codec):
    """A video, its frames, and the bytes that hold packets."""
    content = video.encode(waves(LENGTH, 0), 10, SETTINGS[codec])
    with av.open(io.BytesIO(content)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    start, end = packets[0].pos, packets[-1].pos + packets[-1].size
    return content, video.decode(content, "whole"), range(start, end)


def outcome(content, codec):
    """Whether a damaged video is refused, gives other frames than the whole one, or the same."""
    try:
        frames = video.decode(bytes(content), "episode", LENGTH)
    except DataError:
        return "refused"
    return "same" if np.array_equal(frames, whole(codec)[1]) else "changed"


@pytest.mark.parametrize(("codec", "unnoticed"), [("h264", 20), ("av1", 20)])
def test_most_of_60_flipped_bits_are_noticed_or_harmless(codec, unnoticed):
    """The others decode to wrong frames: codecs have no checksums."""
    content, _, packets = whole(codec)
    outcomes = []
    for bit in np.random.default_rng(0).integers(8 * packets.start, 8 * packets.stop, 60):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        outcomes.append(outcome(damaged, codec))
    assert outcomes.count("changed") <= unnoticed
    assert outcomes.count("refused") >= 24


@pytest.mark.parametrize("codec", ["h264", "h265", "lossless"])
def test_every_zeroed_block_is_noticed_or_harmless(codec):
    content, _, packets = whole(codec)
    outcomes = set()
    for place in packets[:: len(packets) // 30]:
        damaged = bytearray(content)
        damaged[place : place + 64] = bytes(64)
        outcomes.add(outcome(damaged, codec))
    assert outcomes in ({"refused"}, {"refused", "same"})


def test_no_damage_of_the_container_ends_in_a_traceback():
    content, _, packets = whole("h264")
    rng = np.random.default_rng(0)
    for place in range(packets.stop, len(content), 11):
        damaged = bytearray(content)
        damaged[place : place + 4] = rng.bytes(4)
        outcome(damaged, "h264")
