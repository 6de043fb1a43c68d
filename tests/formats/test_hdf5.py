"""HDF5 sets, held against what robomimic 0.3.0 and ogbench 1.2.2 read of the same files."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hdf5_helpers import COLUMNS, T, decoded, images, jpegs, numbers, opened, padded, write

FIXTURES = Path(__file__).parent / "fixtures"
ROBOMIMIC, OGBENCH = FIXTURES / "robomimic", FIXTURES / "ogbench"
DEMOS = {
    "episodes": {"groups": "data/demo_*"},
    "cameras": "obs/agentview_image",
    "actions": "actions",
}


def test_robomimics_demonstrations_are_what_its_own_dataset_reads():
    source = opened(ROBOMIMIC, **DEMOS, states="obs/robot0_eef_pos")
    with np.load(ROBOMIMIC / "readings.npz") as theirs:
        assert [source.key(i) for i in range(len(source))] == theirs["demos"].tolist()
        for index in range(len(source)):
            ours = source[index]
            np.testing.assert_array_equal(ours.frames, theirs[f"{ours.key}/agentview_image"])
            np.testing.assert_array_equal(ours.actions, theirs[f"{ours.key}/actions"].astype("f4"))
            states = theirs[f"{ours.key}/robot0_eef_pos"].astype("f4")
            np.testing.assert_array_equal(ours.states, states)


def test_demonstrations_are_in_the_order_of_their_numbers():
    source = opened(ROBOMIMIC, **DEMOS)
    assert [source.key(i) for i in range(len(source))] == ["demo_2", "demo_9", "demo_10"]


def test_robomimics_filter_keys_are_the_split_or_choose_demonstrations():
    masks = {"train": "mask/train", "valid": "mask/valid"}
    with np.load(ROBOMIMIC / "readings.npz") as theirs:
        source = opened(ROBOMIMIC, **DEMOS, split=masks)
        assert [source.key(i) for i in source.split.train] == theirs["train"].tolist()
        assert [source.key(i) for i in source.split.val] == theirs["valid"].tolist()
        chosen = opened(ROBOMIMIC, **DEMOS, filter="mask/train")
        assert [chosen.key(i) for i in range(len(chosen))] == theirs["train"].tolist()
        assert chosen.split is None


def test_several_cameras_stand_side_by_side():
    cameras = ["obs/robot0_eye_in_hand_image", "obs/agentview_image"]
    episode = opened(ROBOMIMIC, **{**DEMOS, "cameras": cameras})[1]
    with np.load(ROBOMIMIC / "readings.npz") as theirs:
        left, right = (theirs[f"demo_9/{camera.removeprefix('obs/')}"] for camera in cameras)
    np.testing.assert_array_equal(episode.frames, np.concatenate([left, right], axis=2))


def test_columns_are_what_ogbenchs_own_loader_gives():
    source = opened(
        OGBENCH, episodes={"flags": "terminals"}, cameras="observations", actions="actions",
        states="qpos", split={"valid_files": "*-val.hdf5"},
    )  # fmt: skip
    with np.load(OGBENCH / "readings.npz") as theirs:
        for name, indices in (("toy-v0", source.split.train), ("toy-v0-val", source.split.val)):
            read = [source[index] for index in indices]
            for ours, their in (
                ("frames", "observations"), ("actions", "actions"), ("states", "qpos")
            ):  # fmt: skip
                values = np.concatenate([getattr(episode, ours) for episode in read])
                np.testing.assert_array_equal(values, theirs[f"{name}/{their}"])
            # OGBench's last step has an action, and no transition: it leads past the last frame.
            lasts = np.cumsum([len(episode) for episode in read]) - 1
            assert np.flatnonzero(theirs[f"{name}/valids"] == 0).tolist() == lasts.tolist()


def test_a_source_is_pickled_without_frames():
    source = opened(ROBOMIMIC, **DEMOS)
    other = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(other[2].frames, source[2].frames)
    assert len(pickle.dumps(source)) < 2000


ENDS = {
    "flags": ({"terminals": [0, 0, 1, 0, 0, 0], "timeouts": [0, 0, 0, 0, 1, 0]},
              {"flags": ["terminals", "timeouts"]}, [3, 2, 1]),
    "ends": ({"meta__episode_ends": [2, 6]}, {"ends": "meta/episode_ends"}, [2, 4]),
    "lengths": ({"lengths": np.array([4, 2], np.uint8)}, {"lengths": "lengths"}, [4, 2]),
    "index": ({"episode": [7, 7, 7, 3, 3, 9]}, {"index": "episode"}, [3, 2, 1]),
    "a column of flags": ({"done": np.array([[0], [1], [0], [0], [0], [1.0]])},
                          {"flags": "done"}, [2, 4]),
}  # fmt: skip


@pytest.mark.parametrize("case", ENDS)
def test_columns_are_cut_where_episodes_end(case, tmp_path):
    arrays, episodes, lengths = ENDS[case]
    frames, actions = images(T, 8, 9, 3), numbers(T)
    write(tmp_path / "a.hdf5", frames=frames, actions=actions, **arrays)
    source = opened(tmp_path, episodes=episodes, cameras="frames", actions="actions")
    read = [source[index] for index in range(len(source))]
    assert [len(episode) for episode in read] == lengths
    np.testing.assert_array_equal(np.concatenate([e.frames for e in read]), frames)
    np.testing.assert_array_equal(np.concatenate([e.actions for e in read]), actions)


AXES = {
    (8, 9, 3): lambda stored: stored,
    (3, 8, 9): lambda stored: stored.transpose(0, 2, 3, 1),
    (8, 9): lambda stored: np.stack([stored] * 3, axis=-1),
    (8, 9, 1): lambda stored: stored.repeat(3, axis=-1),
    (1, 8, 9): lambda stored: stored.transpose(0, 2, 3, 1).repeat(3, axis=-1),
}


@pytest.mark.parametrize("shape", AXES)
def test_images_become_rgb_whatever_the_order_of_their_axes(shape, tmp_path):
    stored = images(T, *shape)
    write(tmp_path / "a.hdf5", frames=stored, actions=numbers(T))
    np.testing.assert_array_equal(opened(tmp_path, **COLUMNS)[0].frames, AXES[shape](stored))


def test_a_file_may_be_an_episode_of_jpegs_as_aloha_records(tmp_path):
    encoded = {}
    for number in (2, 9, 10):
        frames = np.kron(images(T, 4, 4, 3, seed=number), np.ones((1, 4, 4, 1), np.uint8))
        encoded[number] = jpegs(frames)
        write(
            tmp_path / f"episode_{number}.hdf5",
            observations__images__top=padded(encoded[number]),
            action=numbers(T, 14, seed=number),
            observations__qpos=numbers(T, 3, seed=number),
        )
    source = opened(
        tmp_path,
        episodes={"groups": "."},
        cameras="observations/images/top",
        actions="action",
        states="observations/qpos",
    )
    assert [source.key(i) for i in range(len(source))] == ["episode_2", "episode_9", "episode_10"]
    for index, number in enumerate((2, 9, 10)):
        read = source[index]
        np.testing.assert_array_equal(read.frames, decoded(encoded[number]))
        np.testing.assert_array_equal(read.actions, numbers(T, 14, seed=number))
        np.testing.assert_array_equal(read.states, numbers(T, 3, seed=number))


def test_the_frame_after_the_last_action_is_left_out(tmp_path):
    frames, actions, qpos = images(T + 1, 8, 9, 3), numbers(T), numbers(T + 1, 3)
    write(tmp_path / "t.h5", traj_0__obs__rgb=frames, traj_0__actions=actions, traj_0__obs__q=qpos)
    read = opened(
        tmp_path,
        files="*.h5",
        episodes={"groups": "traj_*"},
        cameras="obs/rgb",
        actions="actions",
        states="obs/q",
    )[0]
    np.testing.assert_array_equal(read.frames, frames[:-1])
    np.testing.assert_array_equal(read.actions, actions)
    np.testing.assert_array_equal(read.states, qpos[:-1])


def test_actions_that_led_to_their_frame_are_moved_to_the_one_before(tmp_path):
    frames, actions, states = images(T, 8, 9, 3), numbers(T), numbers(T, 3)
    write(tmp_path / "a.hdf5", frames=frames, actions=actions, states=states)
    read = opened(tmp_path, **COLUMNS, states="states", alignment="before_frame")[0]
    np.testing.assert_array_equal(read.frames, frames[:-1])
    np.testing.assert_array_equal(read.actions, actions[1:])
    np.testing.assert_array_equal(read.states, states[:-1])


@pytest.mark.parametrize("stored", [[2, 0, 1, 1, 0, 2], [[2], [0], [1], [1], [0], [2]]])
def test_discrete_actions_become_one_hot(stored, tmp_path):
    write(tmp_path / "a.hdf5", frames=images(T, 8, 9, 3), actions=np.array(stored))
    read = opened(tmp_path, **COLUMNS, discrete_actions=3)[0]
    np.testing.assert_array_equal(read.actions, np.eye(3)[np.ravel(stored)])


def test_several_arrays_are_joined_to_actions_and_states(tmp_path):
    grip, arm = numbers(T, 1), numbers(T, 3, seed=1)
    poses = numbers(T, 6).reshape(T, 2, 3)
    write(tmp_path / "a.hdf5", frames=images(T, 8, 9, 3), arm=arm, grip=grip[:, 0], poses=poses)
    read = opened(tmp_path, **{**COLUMNS, "actions": ["arm", "grip"]}, states=["poses", "grip"])[0]
    np.testing.assert_array_equal(read.actions, np.hstack([arm, grip]))
    np.testing.assert_array_equal(read.states, np.hstack([poses.reshape(T, -1), grip]))


def test_colours_may_be_stored_blue_first(tmp_path):
    frames = images(T, 8, 9, 3)
    write(tmp_path / "a.hdf5", frames=frames, actions=numbers(T))
    np.testing.assert_array_equal(
        opened(tmp_path, **COLUMNS, bgr=True)[0].frames, frames[..., ::-1]
    )


def test_files_in_folders_are_told_apart_by_their_paths(tmp_path):
    for name in ("one/a", "two/a"):
        write(
            tmp_path / f"{name}.hdf5",
            data__demo_0__f=images(T, 8, 9, 3),
            data__demo_0__a=numbers(T),
        )
    source = opened(
        tmp_path, files="**/*.hdf5", episodes={"groups": "data/demo_*"}, cameras="f", actions="a"
    )
    assert [source.key(i) for i in range(2)] == ["one_a_demo_0", "two_a_demo_0"]
