"""Any cameras and vectors of a LeRobot set, equal to what lerobot's own reader returns.

fixtures/lerobot_v3_edited was recorded, merged and cut by lerobot 0.6.1, see its generate.py.
"""

from pathlib import Path

import numpy as np
import pytest
from lerobot_helpers import column

from pipeline.errors import DataError
from pipeline.formats import FORMATS, read_episode
from pipeline.formats.lerobot import Options, build, detect
from pipeline.formats.lerobot.tiles import tile

EDITED = Path(__file__).parent / "fixtures" / "lerobot_v3_edited"
TOP, SIDE, WRIST = (f"observation.images.{name}" for name in ("top", "side", "wrist"))


def options(**keys):
    return Options(format="lerobot", root="set", **keys)


def opened(**keys):
    return build(options(**keys)).open(EDITED)


@pytest.fixture(scope="module")
def lerobot():
    """What lerobot returns, by episode and feature."""
    with np.load(EDITED / "lerobot.npz") as file:
        arrays = dict(file)
    numbers = arrays.pop("episode_index")
    return [{k: values[numbers == n] for k, values in arrays.items()} for n in set(numbers)]


@pytest.mark.parametrize("cameras", [(TOP,), (SIDE,), (WRIST,), (SIDE, TOP), (WRIST, TOP, SIDE)])
def test_each_camera_has_the_frames_that_lerobot_reads(cameras, lerobot):
    source = opened(cameras=cameras)
    assert len(source) == len(lerobot) == 3
    for index, theirs in enumerate(lerobot):
        frames, left = read_episode(source, index).frames, 0
        for camera in cameras:
            height, width = theirs[camera].shape[1:3]
            cell = frames[:, :, left : left + width]
            np.testing.assert_array_equal(cell[:, :height], theirs[camera])
            assert not cell[:, height:].any()
            left += width
        assert frames.shape[2] == left


def test_vectors_are_joined_in_the_order_of_their_keys(lerobot):
    keys = {
        "actions": ("action.gripper", "action"),
        "states": ("observation.effort", "observation.state"),
    }
    source = opened(cameras=(TOP,), **keys)
    for index, theirs in enumerate(lerobot):
        episode = source[index]
        for kind, names in keys.items():
            columns = [theirs[name].reshape(len(episode), -1) for name in names]
            joined = np.concatenate(columns, 1).astype(np.float32)
            np.testing.assert_array_equal(getattr(episode, kind), joined)
        assert episode.meta == {"task": theirs["task"][0], "fps": 10}


def test_by_default_the_action_and_the_state_are_read(lerobot):
    episode = opened(cameras=(TOP,))[1]
    np.testing.assert_array_equal(episode.actions, lerobot[1]["action"])
    np.testing.assert_array_equal(episode.states, lerobot[1]["observation.state"])
    assert opened(cameras=(TOP,), states=())[1].states.shape == (6, 0)


def test_a_video_is_handed_on_only_where_it_is_the_one_camera():
    assert opened(cameras=(TOP,))[0].video is not None
    assert opened(cameras=(TOP, SIDE))[0].video is None
    assert opened(cameras=(WRIST,))[0].video is None


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, rf"cameras of 8-bit colour: {TOP}, {SIDE}, {WRIST}; set datasets.NAME.cameras to"),
        ({"cameras": ["top"]}, r"has no camera 'top' \(datasets.NAME.cameras\); known: obs"),
        ({"cameras": [TOP], "actions": ["actoin"]}, r"no feature 'actoin' .*; did you mean action"),
        ({"cameras": [TOP], "states": ["note"]}, r"note is string of shape \[1\]; only vectors"),
        ({"cameras": [TOP], "states": ["frame_index"]}, r"frame_index is int64 .*only vectors"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_can(keys, said):
    with pytest.raises(DataError, match=said) as caught:
        opened(**keys)
    assert "\n" not in str(caught.value)


def test_the_cameras_are_named_once():
    with pytest.raises(ValueError, match="video and cameras both name the cameras; leave video"):
        options(video=TOP, cameras=[TOP])
    assert options(video=TOP).reading == options(cameras=[TOP]).reading


def test_a_number_that_is_stored_as_a_scalar_is_a_vector_of_one():
    assert opened(cameras=(TOP,), actions=("action.gripper",))[0].actions.shape == (5, 1)


def test_the_detected_block_reads_every_camera():
    found = detect(EDITED)
    assert found.title == "LeRobot v3.0"
    assert found.options == {
        "cameras": [TOP, SIDE, WRIST],
        "arrange": "row",
        "actions": ["action"],
        "states": ["observation.state"],
    }
    assert found.facts == {"other vectors": ["observation.effort", "action.gripper"]}
    assert opened(**found.options)[0].frames.shape == (5, 16, 16 + 24 + 16, 3)


def test_a_foreign_folder_is_not_detected(tmp_path):
    assert detect(tmp_path) is None
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta/info.json").write_text("{}")
    assert detect(tmp_path).title == "LeRobot"
    assert "lerobot" in FORMATS.names()


VIEWS = [
    np.full((2, h, w, 3), value, np.uint8) for h, w, value in ((2, 3, 1), (1, 4, 2), (2, 2, 3))
]


@pytest.mark.parametrize(
    ("arrange", "picture"),
    [
        ("row", ["111222233", "111000033"]),
        ("column", ["1110", "1110", "2222", "3300", "3300"]),
        ("grid", ["1112222", "1110000", "3300000", "3300000"]),
    ],
)
def test_frames_are_put_together_unscaled(arrange, picture):
    tiled = tile(VIEWS, arrange)
    expected = np.array([[int(cell) for cell in row] for row in picture], np.uint8)
    np.testing.assert_array_equal(tiled, np.broadcast_to(expected[None, :, :, None], tiled.shape))


def test_a_camera_whose_video_is_gone_costs_its_episodes(v3_copy):
    (v3_copy / f"videos/{SIDE}/chunk-000/file-000.mp4").unlink()
    with pytest.raises(DataError, match="none of its 3 episodes has its files"):
        build(options(cameras=(TOP, SIDE))).open(v3_copy)
    assert len(build(options(cameras=(TOP, WRIST))).open(v3_copy)[2]) == 4


def test_times_of_a_second_camera_are_held_against_its_rows(v3_copy):
    meta = "meta/episodes/chunk-000/file-000.parquet"
    column(f"videos/{SIDE}/to_timestamp", [0.4, 1.1, 1.5], meta)(v3_copy)
    source = build(options(cameras=(TOP, SIDE))).open(v3_copy)
    with pytest.raises(DataError, match=r"episode_000000: its video goes from 0 to 0.4 s, 4 fram"):
        source[0]
    assert len(source[1]) == 6
