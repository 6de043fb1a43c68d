"""PushT's layout: videos, a train and a val folder, pixels."""

import pickle
from dataclasses import replace

import av
import numpy as np
import pytest
import torch
from dataset_helpers import change, example_episodes, layout, read_all, write

from pipeline.episodes import video
from pipeline.errors import DataError


def raw_h264(count, height, width):
    """A stream without a container, which can be followed by another."""
    codec = av.CodecContext.create("libx264", "w")
    codec.height, codec.width, codec.pix_fmt, codec.framerate = height, width, "yuv420p", 10
    codec.options = {"tune": "zerolatency", "preset": "veryfast"}
    frames = [av.VideoFrame.from_ndarray(np.zeros((height, width, 3), np.uint8))] * count
    packets = [packet for frame in [*frames, None] for packet in codec.encode(frame)]
    return b"".join(map(bytes, packets))


def load(path):
    return torch.load(path, weights_only=True)


def test_files_are_as_published(tmp_path):
    episodes = write("pusht", tmp_path, (5, 8, 6, 4))
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    tables = ("states", "velocities", "rel_actions", "abs_actions")
    expected = {f"{split}/{table}.pth" for split in ("train", "val") for table in tables}
    expected |= {f"train/obses/episode_{index:03d}.mp4" for index in range(3)}
    expected |= {"val/obses/episode_000.mp4", "train/seq_lengths.pkl", "val/seq_lengths.pkl"}
    assert files == expected
    assert pickle.loads((tmp_path / "train/seq_lengths.pkl").read_bytes()) == [5, 8, 6]
    assert pickle.loads((tmp_path / "val/seq_lengths.pkl").read_bytes()) == [4]
    assert [load(tmp_path / f"train/{table}.pth").shape[2] for table in tables] == [5, 2, 2, 2]
    relative, absolute, states = (
        load(tmp_path / f"train/{table}.pth")[1].float().numpy()
        for table in ("rel_actions", "abs_actions", "states")
    )
    np.testing.assert_allclose(relative, 100 * episodes[1].actions, rtol=1e-6)
    np.testing.assert_allclose(absolute, states[:, :2] + relative, rtol=1e-5)
    with av.open(str(tmp_path / "val/obses/episode_000.mp4")) as file:
        stream = file.streams.video[0]
        found = stream.codec_context.name, stream.average_rate, stream.frames
    assert found == ("h264", 10, 4)


def test_shapes_are_listed_where_some_block_is_no_t(tmp_path):
    shapes = ["T", "".join(["sm", "all_tee"]), "small_tee", "T"]
    episodes = [
        replace(episode, meta={"shape": shape})
        for episode, shape in zip(example_episodes("pusht", (4,) * 4), shapes, strict=True)
    ]
    layout("pusht").write(episodes, tmp_path)
    assert (tmp_path / "train/shapes.pkl").read_bytes() == pickle.dumps(
        ["T", *["small_tee"] * 2], protocol=4
    )
    assert not (tmp_path / "val/shapes.pkl").exists()
    assert [episode.meta["shape"] for episode in read_all("pusht", tmp_path)] == shapes


def test_the_folders_are_the_split(tmp_path):
    write("pusht", tmp_path, (4,) * 11)
    source = layout("pusht").open(tmp_path)
    assert source.split.train == list(range(9))
    assert source.split.val == [9, 10]
    assert [source.key(i) for i in (0, 8, 9, 10)] == [
        "train_episode_000", "train_episode_008", "val_episode_000", "val_episode_001",
    ]  # fmt: skip


def test_angles_are_wrapped_and_actions_scaled(tmp_path):
    episodes = write("pusht", tmp_path)

    def turn(states):
        states[..., 4] += 2 * np.pi * torch.tensor([-3, 0, 2, 1, 5, -1, 2, 1])

    change(tmp_path / "train/states.pth", turn)
    change(tmp_path / "train/rel_actions.pth", lambda actions: actions.float())
    for read, written in zip(read_all("pusht", tmp_path), episodes, strict=True):
        assert (read.states[:, 4] >= 0).all()
        assert (read.states[:, 4] < 2 * np.pi + 1e-6).all()
        np.testing.assert_allclose(read.states, written.states, atol=1e-5)
        np.testing.assert_allclose(read.actions, written.actions, rtol=2e-7)


def test_a_video_may_hold_more_frames_than_its_row(tmp_path):
    episodes = write("pusht", tmp_path)
    (tmp_path / "train/seq_lengths.pkl").write_bytes(pickle.dumps([3, 8]))
    first = read_all("pusht", tmp_path)[0]
    assert len(first) == 3
    assert len(video.decode(first.video, "test")) == 5
    np.testing.assert_array_equal(first.actions, episodes[0].actions[:3])


def test_a_video_of_fewer_frames_is_refused(tmp_path):
    write("pusht", tmp_path)
    (tmp_path / "train/seq_lengths.pkl").write_bytes(pickle.dumps([6, 8]))
    with pytest.raises(DataError, match=r"train/obses/episode_000.mp4: holds 5 of 6 frames"):
        read_all("pusht", tmp_path)


def test_states_without_velocities_are_shorter(tmp_path):
    episodes = write("pusht", tmp_path)
    for split in ("train", "val"):
        (tmp_path / split / "velocities.pth").unlink()
        (tmp_path / split / "abs_actions.pth").unlink()
    for read, written in zip(read_all("pusht", tmp_path), episodes, strict=True):
        np.testing.assert_array_equal(read.states, written.states[:, :5])


def test_lengths_may_be_a_tensor(tmp_path):
    write("pusht", tmp_path)
    (tmp_path / "train/seq_lengths.pkl").unlink()
    torch.save(torch.tensor([5, 7]), tmp_path / "train/seq_lengths.pth")
    assert [len(episode) for episode in read_all("pusht", tmp_path)] == [5, 7, 6]


def test_numbers_beyond_999_grow(tmp_path):
    write("pusht", tmp_path, (4, 4))
    for table in ("states", "velocities", "rel_actions"):
        change(tmp_path / f"train/{table}.pth", lambda t: t.repeat(1001, 1, 1))
    (tmp_path / "train/seq_lengths.pkl").write_bytes(pickle.dumps([4] * 1001))
    obses = tmp_path / "train/obses"
    (obses / "episode_000.mp4").rename(obses / "episode_1000.mp4")
    assert layout("pusht").open(tmp_path)[1000].key == "train_episode_1000"


def test_a_damaged_or_missing_video_is_named(tmp_path):
    write("pusht", tmp_path)
    path = tmp_path / "train/obses/episode_001.mp4"
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(DataError, match=r"train/obses/episode_001.mp4: damaged"):
        read_all("pusht", tmp_path)
    path.unlink()
    with pytest.raises(DataError, match=r"train/obses/episode_001.mp4: no such file"):
        read_all("pusht", tmp_path)


def test_a_video_that_changes_its_size_is_refused(tmp_path):
    write("pusht", tmp_path)
    path = tmp_path / "train/obses/episode_000.mp4"
    path.write_bytes(raw_h264(2, 48, 64) + raw_h264(4, 32, 32))
    with pytest.raises(DataError, match=r"episode_000.mp4: frame 2 is 32x32, those before 64x48"):
        read_all("pusht", tmp_path)


def test_odd_sides_are_refused_before_they_are_encoded(tmp_path):
    episodes = [
        replace(episode, frames=episode.frames[:, 1:]) for episode in example_episodes("pusht")
    ]
    with pytest.raises(DataError, match=r"episode_000: frames are 47 x 64.*worlds.pusht.size"):
        layout("pusht").write(episodes, tmp_path)


@pytest.mark.parametrize("shapes", [["T"], "TT", ["T", 1], {"T": 1}])
def test_wrong_shapes_are_refused(shapes, tmp_path):
    write("pusht", tmp_path)
    (tmp_path / "train/shapes.pkl").write_bytes(pickle.dumps(shapes))
    with pytest.raises(DataError, match=r"train/shapes.pkl: holds"):
        layout("pusht").open(tmp_path)
