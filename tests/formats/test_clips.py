"""Videos that were trimmed by stream copy keep packets that they do not present."""

import io

import av
import numpy as np
import pytest
from lerobot_helpers import waves

from pipeline.episodes import video
from pipeline.formats.lerobot import clips

FPS, LENGTH, HIDDEN = 10, 20, 5
OPEN = {"codec": "libx264", "pix_fmt": "yuv420p", "bf": "3", "g": "8", "x264-params": "open-gop=1"}


def trimmed(content):
    """As `ffmpeg -ss 0.5 -c copy` does: the edit list begins after HIDDEN frames."""
    file = io.BytesIO()
    with av.open(io.BytesIO(content)) as source, av.open(file, "w", format="mp4") as target:
        track = source.streams.video[0]
        copy = target.add_stream_from_template(track, opaque=True)
        shift = round(HIDDEN / FPS / track.time_base)
        for packet in source.demux(track):
            if packet.dts is not None:
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, copy
                target.mux(packet)
    return file.getvalue()


@pytest.mark.parametrize("settings", [video.H264, video.AV1, OPEN], ids=["h264", "av1", "open"])
def test_hidden_packets_are_no_frames(settings, tmp_path):
    content = video.encode(waves(LENGTH, 0), FPS, settings)
    presented = video.decode(content, "untrimmed")[HIDDEN:]
    path = tmp_path / "video.mp4"
    path.write_bytes(trimmed(content))
    clip = clips.whole(path, len(presented), 0, FPS, "whole")
    np.testing.assert_array_equal(clip.frames, presented)
    np.testing.assert_array_equal(video.decode(clip.video, "shard"), presented)
    for first, count in ((0, 15), (0, 5), (3, 6), (10, 5)):
        frames = clips.cut(path, first, count, FPS, "cut").frames
        np.testing.assert_array_equal(frames, presented[first : first + count])
