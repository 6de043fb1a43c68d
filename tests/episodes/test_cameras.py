"""Cameras: what is refused, what a resize does, and the way through shards and files."""

import re
from dataclasses import replace

import numpy as np
import pytest
from helpers import default, make_episode
from ingest_helpers import ingested

from pipeline.episodes import shards
from pipeline.episodes.cameras import Cameras, of_arrays, rays, unproject
from pipeline.errors import DataError
from pipeline.formats.video_csv import Options, VideoCsv
from pipeline.worlds import WORLDS


def cameras(count=12, size=(16, 16), depth=True):
    rng = np.random.default_rng(count)
    poses = np.tile(np.eye(4), (count, 1, 1))
    for pose in poses:
        pose[:3, :3] = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        pose[:3, :3] *= np.linalg.det(pose[:3, :3])
        pose[:3, 3] = rng.normal(size=3)
    intrinsics = rng.uniform(5, 20, (count, 4))
    return Cameras(
        intrinsics, poses, rng.uniform(1, 9, (count, *size)).astype(np.float32) if depth else None
    )


def filmed(key, **changes):
    return replace(make_episode(key), cameras=cameras(**changes))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"intrinsics": np.ones((12, 3))}, "not intrinsics [T, 4]"),
        ({"intrinsics": np.zeros((12, 4))}, "a focal length is not positive"),
        ({"intrinsics": np.full((12, 4), np.nan)}, "NaN or infinity"),
        ({"poses": np.zeros((12, 4, 4))}, "does not begin with a rotation"),
        ({"poses": np.tile(np.diag([1.0, 1, -1, 1]), (12, 1, 1))}, "begin with a rotation"),
        ({"poses": np.tile(np.eye(4)[:, :3], (12, 1, 1))}, "poses [T, 4, 4]"),
        ({"poses": np.tile(np.eye(4) + np.eye(4)[::-1] * [1, 0, 0, 0], (12, 1, 1))}, "last row"),
        ({"depth": np.ones((11, 16, 16), np.float32)}, "not [12, H, W]"),
        ({"depth": -np.ones((12, 16, 16), np.float32)}, "depth is negative"),
    ],
)
def test_what_is_no_camera_is_refused(change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        replace(cameras(), **change)


def test_an_episode_has_a_camera_for_every_frame_and_depth_of_their_size():
    episode = make_episode("episode")
    with pytest.raises(DataError, match="episode: 11 cameras but 12 frames"):
        replace(episode, cameras=cameras(11))
    with pytest.raises(DataError, match=r"episode: depth is \(12, 8, 16\), frames are"):
        replace(episode, cameras=cameras(size=(8, 16)))


def test_a_resized_camera_projects_to_the_resized_pixel():
    before = cameras(depth=False)
    after = before.resized((16, 20), (48, 10))
    point = np.array([0.3, -0.2, 2.0])
    for (fx, fy, cx, cy), (gx, gy, dx, dy) in zip(before.intrinsics, after.intrinsics, strict=True):
        u, v = fx * point[0] / 2 + cx, fy * point[1] / 2 + cy
        resized = gx * point[0] / 2 + dx, gy * point[1] / 2 + dy
        np.testing.assert_allclose(resized, (u * 10 / 20, v * 48 / 16))
    np.testing.assert_array_equal(after.poses, before.poses)


def test_unprojecting_undoes_projecting():
    known = cameras()
    points = unproject(known.depth[3], known.intrinsics[3], known.poses[3])
    seen = points @ known.poses[3, :3, :3].T + known.poses[3, :3, 3]
    np.testing.assert_allclose(seen[..., 2], known.depth[3], rtol=1e-6)
    np.testing.assert_allclose(seen / seen[..., 2:], rays((16, 16), known.intrinsics[3]))
    fx, fy, cx, cy = known.intrinsics[3]
    pixels = seen[..., :2] / seen[..., 2:] * [fx, fy] + [cx, cy]
    np.testing.assert_allclose(pixels[2, 5], [5.5, 2.5])


def test_shards_keep_cameras_and_give_depth_to_those_who_ask(tmp_path):
    episodes = [filmed(f"episode_{i:03d}", depth=i % 2 == 0) for i in range(6)]
    ingested(episodes, tmp_path / "shards", train_share=0.7)
    written = {episode.key: episode.cameras for episode in episodes}
    tables = {table.key: table.cameras for table in shards.tables(tmp_path / "shards")}
    asked = shards.select(tmp_path / "shards", list(written), depth=True)
    for episode, full in zip(shards.read(tmp_path / "shards"), asked, strict=True):
        expected = written[episode.key]
        for read in (episode.cameras, tables[episode.key], full.cameras):
            np.testing.assert_array_equal(read.intrinsics, expected.intrinsics)
            np.testing.assert_array_equal(read.poses, expected.poses)
        assert episode.cameras.depth is None
        assert tables[episode.key].depth is None
        assert (full.cameras.depth is None) == (expected.depth is None)
        if expected.depth is not None:
            np.testing.assert_array_equal(full.cameras.depth, expected.depth)


def test_episodes_without_cameras_have_no_member_of_them(tmp_path):
    ingested([make_episode(f"episode_{i:03d}") for i in range(4)], tmp_path / "shards")
    assert all(episode.cameras is None for episode in shards.read(tmp_path / "shards"))
    tar = (tmp_path / "shards/train-000000.tar").read_bytes()
    assert b"cameras" not in tar
    assert b"depth" not in tar


@pytest.mark.parametrize("depth", [True, False])
def test_videos_and_tables_keep_cameras_beside_them(depth, tmp_path):
    episode = filmed("episode_000", depth=depth)
    dataset = VideoCsv(Options(root=None))
    dataset.write([episode, make_episode("episode_001")], tmp_path / "raw")
    source = dataset.open(tmp_path / "raw")
    read = source[0].cameras
    np.testing.assert_array_equal(read.poses, episode.cameras.poses)
    np.testing.assert_array_equal(read.intrinsics, episode.cameras.intrinsics)
    if depth:
        np.testing.assert_array_equal(read.depth, episode.cameras.depth)
    assert source[1].cameras is None


def test_one_row_of_intrinsics_is_that_of_all_frames_and_further_frames_are_left_out():
    known = cameras(12)
    read = of_arrays({"intrinsics": known.intrinsics[0], "poses": known.poses}, 10)
    np.testing.assert_array_equal(read.intrinsics, np.tile(known.intrinsics[0], (10, 1)))
    assert len(read) == 10


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"poses": np.eye(4)[None]}, "intrinsics"),
        ({"poses": np.eye(4)[None], "intrinsics": np.ones(4)}, "1 cameras for 12 frames"),
        ({"poses": np.zeros((12, 4, 4)), "intrinsics": np.ones(4)}, "a rotation"),
    ],
)
def test_a_wrong_file_of_cameras_is_named(arrays, message, tmp_path):
    dataset = VideoCsv(Options(root=None))
    dataset.write([filmed("episode_000")], tmp_path / "raw")
    np.savez(tmp_path / "raw/cameras/episode_000.npz", **arrays)
    with pytest.raises(DataError, match=rf"cameras/episode_000.npz: .*{message}.*mend it"):
        dataset.open(tmp_path / "raw")[0]


def test_a_damaged_member_of_cameras_is_named(tmp_path):
    broken = replace(filmed("episode_000"), cameras=None)
    ingested([broken, make_episode("episode_001")], tmp_path / "shards", train_share=0.5)
    members = shards._camera_members(cameras(11))
    tar = next(iter((tmp_path / "shards").glob("train*.tar")))
    import io
    import tarfile

    with tarfile.open(tar, "a") as file:
        key = file.getnames()[0].partition(".")[0]
        info = tarfile.TarInfo(f"{key}.cameras.npz")
        info.size = len(members["cameras.npz"])
        file.addfile(info, io.BytesIO(members["cameras.npz"]))
    manifest = tmp_path / "shards/manifest.json"
    import json

    content = json.loads(manifest.read_text())
    for shard in content["shards"]:
        shard["bytes"] = (tmp_path / "shards" / shard["name"]).stat().st_size
    manifest.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"tar: damaged.*11 cameras for 12 frames"):
        list(shards.read(tmp_path / "shards"))


def test_other_worlds_than_those_in_three_dimensions_know_no_cameras():
    module, options = default(WORLDS, "wall")
    world = module.build(options)
    assert world.cameras(np.zeros((2, 2), np.float32), {}) is None
