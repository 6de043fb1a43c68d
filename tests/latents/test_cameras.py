"""Cameras in the latent cache, and the motions of them that windows have."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import zarr
from camera_helpers import SIZE, cached, filmed, walk

from pipeline.episodes import shards
from pipeline.episodes.cameras import Cameras, looking
from pipeline.errors import DataError
from pipeline.latents.cache import open_cache
from pipeline.latents.cameras import INTRINSICS, MOTION, STEP, camera_rows, motions
from pipeline.latents.cameras import translation_scale as scale_of
from pipeline.latents.spec import LatentSpec
from pipeline.latents.windows import Windows


def composed(moved):
    """Poses [T + 1, 4, 4] that motions [T, MOTION] lead to, the first the identity."""
    poses = [np.eye(4)]
    for pose in moved[:, -12:].astype(np.float64).reshape(-1, 3, 4):
        poses.append(np.vstack([pose, [0, 0, 0, 1]]) @ poses[-1])
    return np.stack(poses)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("cameras")
    cached(path, [filmed(number) for number in range(6)])
    return path


@pytest.fixture(scope="module")
def cache(folder):
    return open_cache(folder / "latents.zarr")


@pytest.mark.parametrize("origin", [(0, 0, 0), (4e5, -5e6, 30)])
def test_motions_compose_to_poses_relative_to_the_first_frame(origin):
    cameras = walk(17, origin=origin)
    moved = motions(camera_rows(cameras, SIZE)[3:])
    assert (moved.dtype, moved.shape) == (np.float32, (14, MOTION))
    eyes = cameras.poses.copy()
    eyes[:, :3, 3:] += eyes[:, :3, :3] @ np.reshape(origin, (3, 1))  # the world's origin is there
    expected = eyes[3:] @ np.linalg.inv(eyes[3])
    np.testing.assert_allclose(composed(moved[:-1]), expected, atol=1e-5)
    np.testing.assert_allclose(composed(moved[-1:])[1], np.eye(4), atol=1e-6)  # the last stays


def test_motions_have_the_intrinsics_of_both_frames_whatever_their_size():
    cameras = walk(5)
    moved = motions(camera_rows(cameras, SIZE))
    fx, fy, cx, cy = cameras.intrinsics.T
    expected = np.stack([fx / 32, fy / 16, cx / 32 - 0.5, cy / 16 - 0.5], -1)
    np.testing.assert_allclose(moved[:, :INTRINSICS], expected, atol=1e-6)
    np.testing.assert_allclose(moved[:-1, INTRINSICS : 2 * INTRINSICS], expected[1:], atol=1e-6)
    resized = camera_rows(cameras.resized(SIZE, (8, 16)), (8, 16))
    np.testing.assert_allclose(resized, camera_rows(cameras, SIZE), atol=1e-6)


def test_the_median_move_over_an_interval_is_the_unit_of_translations():
    still, walking = walk(20), walk(40, seed=1)
    still = replace(still, poses=np.tile(still.poses[:1], (20, 1, 1)))
    moves = np.linalg.norm(walking.centres()[5:] - walking.centres()[:-5], axis=-1)
    assert scale_of([still, walking], 5) == pytest.approx(STEP / np.median(moves))
    assert scale_of([still], 5) == 1


def test_turning_on_the_spot_is_no_move():
    """The centres of poses that were stored as float32 differ by rounding errors."""
    turns = np.stack([looking(np.array([5.0, -3, 2]), n / 9, n / 20) for n in range(12)])
    cameras = Cameras(np.ones((12, 4)), turns.astype(np.float32).astype(np.float64))
    assert np.abs(np.diff(cameras.centres(), axis=0)).max() > 0
    assert scale_of([cameras], 1) == 1


def test_every_frame_of_the_cache_has_its_camera(folder, cache):
    assert zarr.open_group(cache.path, mode="r")["cameras"].shape == (sum(range(20, 26)), 16)
    for start, episode in zip(cache.starts, shards.read(folder / "shards"), strict=True):
        expected = camera_rows(episode.cameras, SIZE)
        np.testing.assert_array_equal(cache.cameras[start : start + len(expected)], expected)


def test_the_scale_is_that_of_the_train_split_and_the_published_interval(folder, cache):
    train = [episode.cameras for episode in shards.read(folder / "shards", "train")]
    assert cache.spec.camera_scale == scale_of(train, cache.spec.interval)
    assert LatentSpec.model_validate_json(cache.spec.model_dump_json()) == cache.spec


def test_windows_of_a_model_without_cameras_are_as_ever(cache):
    windows = Windows(cache, "val", frames=3, interval=2)
    spec = cache.spec.model_copy(update={"camera_scale": None})
    rows = np.arange(4)
    plain = Windows(cache.whitened_by(spec), "val", frames=3, interval=2).actions(rows)
    assert plain.shape == (4, 3, 2, 2)
    assert torch.equal(windows.actions(rows), plain)


def test_windows_of_a_model_with_cameras_have_motions_behind_the_actions(folder, cache):
    windows = Windows(cache.whitened_by(cache.spec), "val", frames=4, interval=3)
    plain = Windows(cache, "val", frames=4, interval=3)
    rows = np.array([len(windows) - 1, 0])  # the last one ends where its episode does
    actions = windows.actions(rows)
    assert actions.shape == (2, 4, 3, 2 + MOTION)
    assert torch.equal(actions[..., :2], plain.actions(rows))
    episodes = {episode.key: episode for episode in shards.read(folder / "shards")}
    for clip, row in zip(actions, rows, strict=True):
        index, start = windows.rows[row]
        cameras = episodes[cache.seal.episodes[index].key].cameras[start : start + 12 : 3]
        expected = motions(camera_rows(cameras, SIZE))
        for step in range(3):
            np.testing.assert_allclose(clip[:, step, 2:], expected, atol=1e-6)


def test_network_input_has_the_motion_once_with_its_translation_scaled(cache):
    spec = cache.spec
    windows = Windows(cache.whitened_by(spec), "val", frames=4, interval=3)
    actions = windows.actions(np.array([0]))
    given = spec.network_actions(actions)
    assert given.shape == (1, 4, 3 * 2 + MOTION)
    plain = spec.model_copy(update={"camera_scale": None})
    assert torch.equal(given[..., :6], plain.network_actions(actions[..., :2]))
    pose, scaled = (x[0, :, -12:].unflatten(-1, (3, 4)) for x in (actions[:, :, 0], given))
    assert torch.equal(scaled[..., :3], pose[..., :3])
    assert torch.equal(scaled[..., 3], pose[..., 3] * spec.camera_scale)


@pytest.mark.parametrize("known", [0, 5])
def test_unless_all_cameras_are_known_a_cache_is_as_ever(tmp_path, cache, known):
    without = cached(tmp_path, [filmed(number, number < known) for number in range(6)])
    assert "camera" not in (without.path / "zarr.json").read_text()
    assert not (without.path / "cameras").exists()
    with pytest.raises(DataError, match=r"latents.zarr: has no cameras, by which .*camera: none"):
        without.whitened_by(cache.spec)
