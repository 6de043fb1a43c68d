"""LeRobot v3.0 holds many episodes in a file: each is cut out of it exactly.

golden/lerobot_v3 was written by lerobot 0.4.4; golden/lerobot_v3/truth.npz is what went into it.
"""

import pickle
import shutil
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import GOLDEN, golden_arrays
from lerobot_helpers import CAMERA, assert_same_video, column, cut_short, layout, waves

from pipeline.episodes import video
from pipeline.errors import DataError
from pipeline.formats.lerobot import clips

VIDEO = f"videos/{CAMERA}/chunk-000/file-000.mp4"
DATA = "data/chunk-000/file-000.parquet"
META = "meta/episodes/chunk-000/file-000.parquet"
STARTS = {0: 0, 1: 26, 2: 52}  # of the episodes of the v3.0 set, in its video


@pytest.fixture
def v3(tmp_path):
    return Path(shutil.copytree(GOLDEN / "lerobot_v3", tmp_path / "v3"))


def test_the_v3_set_is_read_as_it_was_recorded():
    truth = golden_arrays("lerobot_v3/truth")
    source = layout().open(GOLDEN / "lerobot_v3")
    assert [source.key(index) for index in range(3)] == [f"episode_00000{n}" for n in range(3)]
    tasks = ["pick the cube", "open drawer", "pick the cube"]
    for number, episode in enumerate(source):
        assert episode.meta == {"task": tasks[number], "fps": 3}
        assert_same_video(episode.frames, truth[f"frames_{number}"], 1.5)
        np.testing.assert_array_equal(episode.actions, truth[f"actions_{number}"])
        np.testing.assert_array_equal(episode.states, truth[f"states_{number}"])
        assert episode.video == source[number].video is not None
        np.testing.assert_array_equal(video.decode(episode.video, "video"), episode.frames)


def test_another_camera_of_the_v3_set_can_be_chosen():
    episode = layout("observation.images.wrist").open(GOLDEN / "lerobot_v3")[1]
    assert episode.frames.shape == (26, 32, 48, 3)


def test_a_later_episode_is_read_without_decoding_those_before_it(v3):
    expected = layout().open(v3)[1].frames
    with av.open(str(v3 / VIDEO)) as container:
        packets = [p for p in container.demux(video=0) if p.pts is not None]
    content = bytearray((v3 / VIDEO).read_bytes())
    for packet in packets[: STARTS[1]] + packets[STARTS[2] :]:
        content[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    (v3 / VIDEO).write_bytes(content)
    np.testing.assert_array_equal(layout().open(v3)[1].frames, expected)
    with pytest.raises(DataError, match=r"file-000.mp4: episode_000000: "):
        layout().open(v3)[0]


X264 = {"codec": "libx264", "pix_fmt": "yuv420p", "bf": "3"}
OPEN = {"x264-params": "open-gop=1", "g": "10"}


@pytest.mark.parametrize(
    ("settings", "whole"),
    [
        ({**video.AV1, "g": "13"}, {0, 1, 2}),
        (video.AV1 | {"g": "7"}, {0}),
        (X264 | {"g": "13"}, {0, 1, 2}),
        (X264, set()),
        (X264 | OPEN, set()),
    ],
    ids=["av1", "av1 between keyframes", "h264", "h264 between keyframes", "h264 open groups"],
)
def test_no_frame_is_off_by_one_in_any_codec(settings, whole, v3):
    frames = waves(65, 0)
    (v3 / VIDEO).write_bytes(video.encode(frames, 3, settings))
    decoded = video.decode(v3 / VIDEO, "all")
    for number, episode in enumerate(layout().open(v3)):
        start = STARTS[number]
        np.testing.assert_array_equal(episode.frames, decoded[start : start + len(episode)])
        if episode.video is not None:
            np.testing.assert_array_equal(video.decode(episode.video, "own"), episode.frames)
        if number in whole:
            assert episode.video is not None


def test_every_cut_of_a_video_is_exact(tmp_path):
    path = tmp_path / "video.mp4"
    path.write_bytes(video.encode(waves(24, 0), 30, X264 | OPEN))
    decoded = video.decode(path, "all")
    for first in range(24):
        for count in {1, 2, 24 - first}:
            if first + count <= 24:
                clip = clips.cut(path, first, count, 30, "cut")
                np.testing.assert_array_equal(clip.frames, decoded[first : first + count])


def test_a_source_travels_to_other_processes():
    source = layout().open(GOLDEN / "lerobot_v3")
    there = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(there[1].frames, source[1].frames)
    assert there.key(1) == "episode_000001"


FROM = f"videos/{CAMERA}/from_timestamp"
MISTAKES = {
    "no meta": (lambda raw: shutil.rmtree(raw / "meta/episodes"), r"episodes: holds no chunk-"),
    "cut": (cut_short(META), r"file-000.parquet: damaged"),
    "empty cell": (column("length", pa.array([26, None, 13]), META), r"1: length: Input should be"),
    "times": (column("episode_index", pa.array([0] * 65, pa.timestamp("s")), DATA),
              r"episode_index holds timestamp.*, expected integers"),
    "number": (column("episode_index", pa.array([0, None, 2]), META), r"episode_index: Input sho"),
    "names": (column("episode_index", pa.array([*"abc"]), META), r"episode_index: Input should be"),
    "length": (column("length", pa.array([26, 27, 13]), META),
               r"1: its video goes from 8.6.* to 17.3.* s, 26 frames at 3 fps, .* is 27"),
    "between": (column(FROM, pa.array([0, 8.8, 17.4]), META), r"at 8.8 s does not fit 3"),
    "nan": (column(FROM, pa.array([0, np.nan, 17.4]), META), r"1: from_timestamp: .*fin"),
    "far": (column(FROM, pa.array([0, 1e300, 52 / 3]), META), r"1: its video goes from 1e\+300 to"),
    "overlap": (column(FROM, pa.array([0, 8, 52 / 3]), META),
                r"1: its video goes from frame 24 to 51, and that of episode_000000 .* 0 to 25"),
    "no videos": (lambda raw: (raw / VIDEO).unlink(), r"none of its 3 episodes has its files"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), MISTAKES.values(), ids=list(MISTAKES))
def test_every_mistake_of_v3_is_named(change, message, v3):
    change(v3)
    with pytest.raises(DataError, match=message) as caught:
        layout().open(v3)[1]
    assert str(v3) in str(caught.value)


@pytest.mark.parametrize("wrong", [1, 2])
def test_one_wrong_episode_of_v3_leaves_the_others(wrong, v3):
    expected = [episode.frames for episode in layout().open(v3)]
    lengths = [26, 26, 13]
    lengths[wrong] += 1
    column("length", pa.array(lengths), META)(v3)
    source = layout().open(v3)
    assert source.unreadable == [wrong]
    for index in {0, 1, 2} - {wrong}:
        np.testing.assert_array_equal(source[index].frames, expected[index])


def test_a_frame_more_than_there_are_rows_is_counted(v3):
    column("length", pa.array([26, 25, 13]), META)(v3)
    whole = layout().open(GOLDEN / "lerobot_v3")[1]
    rows = pq.read_table(v3 / DATA)
    pq.write_table(pa.concat_tables([rows.slice(0, 51), rows.slice(52)]), v3 / DATA)
    episode = layout().open(v3)[1]
    assert episode.meta["surplus_frames"] == 1
    np.testing.assert_array_equal(episode.frames, whole.frames[:25])


def test_both_episodes_that_claim_the_same_frames_are_refused(v3):
    column(FROM, pa.array([0, 8, 52 / 3]), META)(v3)
    source = layout().open(v3)
    assert source.unreadable == [0, 1]
    with pytest.raises(DataError, match=r"0: its video .* and that of episode_000001 in the same"):
        source[0]
    assert len(source[2]) == 13


def test_no_episode_is_read_from_a_video_that_lacks_frames_of_one(v3):
    """Where one is missing is unknown: those after it would have each other's frames."""
    (v3 / VIDEO).write_bytes(video.encode(waves(64, 0), 3, video.AV1))
    source = layout().open(v3)
    for index in range(3):
        said = rf"{index}: the file holds 64 frames, .* go on to 65 \(episode_000002\)"
        with pytest.raises(DataError, match=said):
            source[index]
