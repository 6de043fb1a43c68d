"""Errors in a LeRobot data set name the file, the episode, the value and the way out."""

import shutil

import numpy as np
import pyarrow as pa
import pytest
from helpers import default
from lerobot_helpers import (
    DATA,
    EPISODES,
    VIDEO,
    column,
    cut_short,
    edit,
    feature_with,
    info_with,
    layout,
    vectors,
)  # fmt: skip
from pyarrow import parquet

from pipeline.episodes import video
from pipeline.errors import DataError
from pipeline.formats import FORMATS
from pipeline.formats.lerobot.info import Place, fill


def mp4(frames, fps=3):
    return lambda raw: (raw / VIDEO).write_bytes(video.encode(frames, fps, video.AV1))


def with_nan():
    actions = EPISODES[1].actions.copy()
    actions[4, 2] = np.nan
    return actions


def misspell_action(raw):
    def rename(info):
        info["features"]["actions"] = info["features"].pop("action")

    edit(raw / "meta/info.json", rename)


def empty(raw):
    shutil.rmtree(raw)
    raw.mkdir()


def line_with(old, new):
    return lambda raw: change_lines(
        raw, lambda lines: [lines[0], lines[1].replace(old, new), lines[2]]
    )


def flip_a_bit(raw):
    content = bytearray((raw / DATA).read_bytes())
    content[content.index(EPISODES[1].actions.tobytes()[:64]) + 20] ^= 1
    (raw / DATA).write_bytes(content)


def repeat_a_column(raw):
    table = parquet.read_table(raw / DATA)
    parquet.write_table(table.append_column("frame_index", table["frame_index"]), raw / DATA)


def listed_twice(raw):
    change_lines(raw, lambda lines: [*lines, lines[1]])


def change_lines(raw, change):
    path = raw / "meta/episodes.jsonl"
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")


MISTAKES = {
    "folder": (shutil.rmtree, r"v2: no such folder; name one that holds a LeRobot data set"),
    "empty": (empty, r"info.json: no such file; the LeRobot layout needs it"),
    "info": (cut_short("meta/info.json"), r"info.json: .*Invalid JSON.*fetch it again"),
    "v1.6": (info_with(codebase_version="v1.6"), r"version = 'v1.6' is unknown; known: v2.0, v2.1"),
    "fps": (info_with(fps=0), r"info.json: fps.*greater than 0"),
    "no action": (misspell_action, r"no feature 'action' .*; did you mean actions\?"),
    "matrix": (feature_with("action", shape=[7, 2]), r"action is float32 of shape \[7, 2\]; only"),
    "no video": (info_with(video_path=None), r"video_path is null, but .*image is a video"),
    "episodes": (lambda raw: (raw / "meta/episodes.jsonl").unlink(), r"s.jsonl: no such file"),
    "line": (cut_short("meta/episodes.jsonl", 90), r"episodes.jsonl: line 2: Invalid JSON"),
    "fewer": (info_with(total_episodes=7), r"lists 3 episodes, but .* total_episodes = 7; fetch"),
    "more": (info_with(total_episodes=2), r"lists 3 episodes, but .* total_episodes = 2; fetch"),
    "length": (line_with('"length": 9', '"length": -9'), r"000001: length: .*than 0; fetch"),
    "no length": (line_with('"length": 9', '"size": 9'), r"episode_000001: length: Field required"),
    "twice": (listed_twice, r"meta: episode_000001: is listed 2 times; .* or list it once"),
    "no rows": (lambda raw: (raw / DATA).unlink(),
                r"1.parquet: episode_000001: no such file, and no other .* set datasets.NAME.epis"),
    "no mp4": (lambda raw: (raw / VIDEO).unlink(), r"1.mp4: episode_000001: no such file; fetch"),
    "nothing": (lambda raw: shutil.rmtree(raw / "videos"), r"none of its 3 episodes has its files"),
    "parquet": (cut_short(DATA), r"1.parquet: damaged \(.*\); fetch it again"),
    "bit": (flip_a_bit, r"1.parquet: damaged \(.*CRC.*\); fetch it again"),
    "column": (column("action", None), r"1.parquet: has no column 'action'; fetch"),
    "column twice": (repeat_a_column, r"1.parquet: has 2 columns 'frame_index'; fetch"),
    "nan": (column("action", vectors(with_nan())),
            r"1.parquet: episode_000001: action\[2\] is nan at frame 4; fetch it again"),
    "size": (column("action", vectors(EPISODES[1].actions[:, :6].copy())),
             r"action has 6 values at frame 0, meta/info.json says 7"),
    "uneven": (column("action", pa.array([[0.0] * 6, [0.0] * 8] + [[0.0] * 7] * 7)),
               r"action has 6 values at frame 0, meta/info.json says 7"),
    "no action there": (column("action", pa.array([[0.0] * 7] * 8 + [None])),
                        r"action has 0 values at frame 8"),
    "no value": (column("action", pa.array([[0.0] * 6 + [None]] * 9)),
                 r"action\[6\] is nan at frame 0"),
    "words": (column("action", pa.array([["1"] * 7] * 9)), r"action holds string, expected num"),
    "matrices": (column("action", pa.array([[[0.0]] * 7] * 9)), r"action holds list.*expected num"),
    "structs": (column("action", pa.array([{"x": 1.0}] * 9)), r"action has 1 values at frame 0"),
    "huge": (column("action", pa.array([[1e300] * 7] * 9)), r"action\[0\] is inf at frame 0"),
    "names": (column("episode_index", pa.array(["1"] * 9)), r"holds string, expected integers"),
    "halves": (column("frame_index", pa.array(np.arange(9) + 0.5)), r"expected integers"),
    "dates": (column("timestamp", pa.array(["now"] * 9)), r"timestamp holds string, expected num"),
    "rows": (column("episode_index", pa.array([1] * 8 + [2])),
             r"1.parquet: episode_000001: has 8 rows, but its length in meta/ is 9"),
    "order": (column("frame_index", pa.array([0, 2, 1, 3, 4, 5, 6, 7, 8])),
              r"frame_index does not count from 0 to 8"),
    "speed": (info_with(fps=5), r"1: frame 1 has timestamp 0.333333 s, .* 0.2 s"),
    "shift": (column("timestamp", pa.array(np.arange(1, 10) / 3, pa.float32())),
              r"frame 0 has timestamp 0.333333 s, expected 0 s; correct fps"),
    "never": (column("timestamp", pa.array([None] * 9, pa.float32())), r"0 has timestamp nan"),
    "mp4": (cut_short(VIDEO), r"1.mp4: damaged \(.*\); fetch it again"),
    "hollow": (cut_short(VIDEO, 0), r"1.mp4: damaged \(.*\); fetch it again"),
    "short": (mp4(EPISODES[1].frames[:8]), r"1.mp4: .*holds 8 frames .* the episode has 9 from 0"),
    "long": (mp4(EPISODES[0].frames), r"1.mp4: .*holds 12 frames from 0 to 3.66667 s, but .* 9"),
    "slow": (mp4(EPISODES[1].frames, 2), r"1.mp4: .*a frame at 0.5 s does not fit 3 fps"),
    "slower": (mp4(EPISODES[1].frames, 1), r"1.mp4: .*holds 9 frames from 0 to 8 s, but"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), MISTAKES.values(), ids=list(MISTAKES))
def test_every_mistake_is_named(change, message, v2):
    change(v2)
    with pytest.raises(DataError, match=message) as caught:
        layout().open(v2)[1]
    assert str(v2) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_video_that_vanishes_is_named(v2):
    source = layout().open(v2)
    (v2 / VIDEO).unlink()
    with pytest.raises(DataError, match=r"1.mp4: episode_000001: no such file"):
        source[1]


@pytest.mark.parametrize(
    "harm", [listed_twice, line_with('"length": 9', '"length": null'), cut_short(DATA)]
)
def test_one_wrong_episode_leaves_the_others(harm, v2):
    harm(v2)
    source = layout().open(v2)
    for index in (0, 2):
        np.testing.assert_array_equal(source[index].actions, EPISODES[index].actions)
    with pytest.raises(DataError, match="episode_000001"):
        source[1]


def test_an_episode_that_is_counted_but_not_listed_is_refused_alone(v2):
    info_with(total_episodes=4)(v2)
    source = layout().open(v2)
    assert (len(source), source.unreadable, source.key(3)) == (4, [3], "episode_000003")
    with pytest.raises(DataError, match=r"meta: episode_000003: is not listed; fetch meta/ again"):
        source[3]


def test_a_misspelt_camera_is_answered_with_those_there_are(v2):
    said = r"no camera 'observation.images.imge' .*; did you mean observation.images.image\?"
    with pytest.raises(DataError, match=said):
        layout("observation.images.imge").open(v2)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("../{episode_index}.parquet", r"leads out of the folder to \.\./1"),
        ("/etc/{episode_index}", "leads out of the folder to /etc/1"),
        ("data/{video_key}", r"leads out of the folder to data/\.\./key"),
        ("{episode_index.__class__}", "has an unknown field; did you mean episode_index"),
        ("{video_key[0]}", "has an unknown field"),
        ("{}", "has an unknown field"),
        ("{video_key!r}", "formats video_key by ''"),
        ("{episode_index:999999999d}", "formats episode_index by '999999999d'"),
        ("data/{episode_index", "is no template"),
        ("", "names no file"),
        ("a" * 300, "names no file"),
    ],
)
def test_a_malicious_path_is_refused(template, message, v2):
    with pytest.raises(DataError, match=message):
        fill(template, Place(0, 1), "../key")
    if "video_key" not in template:
        info_with(data_path=template)(v2)
        with pytest.raises(DataError, match=r"meta/info.json: path"):
            layout().open(v2)


def test_options_refuse_an_empty_camera():
    with pytest.raises(ValueError, match="at least 1 character"):
        default(FORMATS, "rt1", video="")
