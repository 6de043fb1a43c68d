"""Videos in memory: colours, and what encoding one leaves behind."""

import io
import os
import sys

import av
import numpy as np
import pytest
from helpers import make_episode

from pipeline.episodes import video


@pytest.mark.skipif(sys.platform != "linux", reason="asks the scheduler of Linux")
@pytest.mark.parametrize("settings", [video.H264, video.AV1, video.LOSSLESS])
def test_encoding_gives_no_thread_real_time_priority(settings):
    """SVT-AV1 takes it where it may (root): other processes would starve, children inherit it."""
    while_encoding = []

    def frames():
        for frame in make_episode("e", length=6, size=64).frames:
            yield frame
            threads = map(int, os.listdir("/proc/self/task"))
            while_encoding.append({os.sched_getscheduler(thread) for thread in threads})

    before = os.sched_getscheduler(0), os.sched_getparam(0).sched_priority
    assert video.encode(frames(), 3, settings)
    assert (os.sched_getscheduler(0), os.sched_getparam(0).sched_priority) == before
    real_time = {os.SCHED_FIFO, os.SCHED_RR} - {before[0]}
    assert len(while_encoding) == 6
    assert not real_time & set().union(*while_encoding)


# RGB of eight stripes, and the luma weights of red and blue by ITU-R BT.601, BT.709, BT.2020.
COLOURS = np.array(list(np.ndindex(2, 2, 2)))[:, None] * np.array([[[220, 180, 240]]])
WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
TV = (219, 16, 224)
PC = (255, 0, 255)


def stripes(colours, matrix, scale):
    """A yuv420p frame of 16 x 128 pixels, converted by the formulae of the standard."""
    (red, blue), (luma_range, offset, chroma_range) = WEIGHTS[matrix], scale
    rgb = colours[:, 0] / 255
    luma = rgb @ (red, 1 - red - blue, blue)
    planes = (
        luma_range * luma + offset,
        chroma_range * (rgb[:, 2] - luma) / (2 - 2 * blue) + 128,
        chroma_range * (rgb[:, 0] - luma) / (2 - 2 * red) + 128,
    )
    frame = av.VideoFrame(128, 16, "yuv420p")
    for plane, values in zip(frame.planes, planes, strict=True):
        row = np.zeros(plane.line_size, np.uint8)
        row[: plane.width] = values.round().astype(np.uint8).repeat(plane.width // 8)
        plane.update(np.tile(row, plane.height).tobytes())
    return frame


def encode_yuv(frame, settings):
    """A video of one frame, in its own pixel format."""
    file = io.BytesIO()
    options = {key: value for key, value in settings.items() if key not in ("codec", "pix_fmt")}
    with av.open(file, "w", format="mp4") as container:
        track = container.add_stream(settings["codec"], rate=10, options=options)
        track.width, track.height, track.pix_fmt = frame.width, frame.height, frame.format.name
        container.mux([*track.encode(frame), *track.encode()])
    return file.getvalue()


@pytest.mark.parametrize("settings", [video.H264, video.AV1], ids=["h264", "av1"])
@pytest.mark.parametrize(
    ("tags", "matrix", "scale"),
    [
        ({}, "bt601", TV),
        ({"colorspace": "smpte170m"}, "bt601", TV),
        ({"colorspace": "bt709"}, "bt709", TV),
        ({"colorspace": "bt709", "color_range": "pc"}, "bt709", PC),
        ({"color_range": "pc"}, "bt601", PC),
        ({"colorspace": "bt2020nc"}, "bt2020", TV),
    ],
    ids=["untagged", "bt601", "bt709", "bt709 full range", "full range", "bt2020"],
)
def test_colours_are_those_of_the_videos_tags(tags, matrix, scale, settings):
    """PyAV before 17 took BT.709 for BT.601: colours were up to 24/255 off."""
    quality = {"crf": "1" if settings is video.H264 else "4"}
    content = encode_yuv(stripes(COLOURS, matrix, scale), settings | quality | tags)
    inside = video.decode(content, "test")[0, 8, 8::16].astype(int)
    assert np.abs(inside - COLOURS[:, 0]).max() <= 4


@pytest.mark.parametrize("settings", [video.H264, video.LOSSLESS], ids=["h264", "lossless"])
def test_the_same_frames_give_the_same_bytes_whatever_memory_held_before(settings):
    rng = np.random.default_rng(0)
    still = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    frames = [np.roll(still, step, 1) for step in range(12)]
    contents = set()
    for _ in range(40):
        memory = [rng.integers(0, 255, rng.integers(10**3, 10**6), np.uint8) for _ in range(4)]
        del memory[::2]  # what the encoder is given next holds noise
        contents.add(video.encode(frames, 10, settings))
    assert len(contents) == 1
