"""`wm export-3d`: images, cameras that follow every resize, COLMAP and nerfstudio."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from room_helpers import distance_to_surface
from scenes_helpers import SEEN, SIZE, refused, wm, write_rollout

from pipeline.episodes import shards
from pipeline.episodes.cameras import Cameras
from pipeline.files.npy import read_npz
from pipeline.rollout import clips
from pipeline.rollout.card import CARD as ROLLOUT
from pipeline.testing.formats import contents
from pipeline.tools.scenes import card as cards
from pipeline.tools.scenes import nerfstudio, ply
from pipeline.tools.scenes.colmap import quaternion
from pipeline.tools.scenes.sources import read_image


@pytest.fixture
def episode(room_shards):
    (episode,) = shards.select(room_shards, ["episode_002"], depth=True)
    return episode


def exported(source, out, *options):
    wm("export-3d", source, out, *options)
    return cards.read(out)


def images(out, card):
    return np.stack([read_image(out / frame.file, "") for frame in card.frames])


def test_an_episode_is_exported_as_it_was_recorded(room_shards, episode, tmp_path):
    out = tmp_path / "out"
    card = exported(room_shards, out, "--clip", "episode_002", "--format", "frames")
    assert (card.kind, card.name, len(card.frames)) == ("recorded", "episode_002", 6)
    np.testing.assert_array_equal(images(out, card), episode.frames)
    np.testing.assert_array_equal(card.poses(), episode.cameras.poses)
    np.testing.assert_array_equal(card.intrinsics(), episode.cameras.intrinsics)
    for number in range(6):
        depth = read_npz(out / f"depth/truth/{number:06d}.npz", "")["depth"]
        np.testing.assert_array_equal(depth, episode.cameras.depth[number])
    assert sorted(path.name for path in out.iterdir()) == ["depth", "export.json", "images"]


def test_intrinsics_follow_a_resize(room_shards, episode, tmp_path):
    out = tmp_path / "out"
    card = exported(room_shards, out, "--clip", "episode_002", "--size", "24x96")
    assert images(out, card).shape == (6, 24, 96, 3)
    across, down = 96 / SIZE[1], 24 / SIZE[0]
    expected = episode.cameras.intrinsics * [across, down, across, down]
    np.testing.assert_allclose(card.intrinsics(), expected)
    text = (out / "sparse/0/cameras.txt").read_text()
    number, model, width, height, *row = text.split()
    assert (number, model, width, height) == ("1", "PINHOLE", "96", "24")
    np.testing.assert_array_equal(np.array(row, float), card.intrinsics()[0])


def test_colmap_files_hold_a_pose_and_an_empty_line_for_every_image(room_shards, tmp_path):
    out = tmp_path / "out"
    card = exported(room_shards, out)
    lines = (out / "sparse/0/images.txt").read_text().split("\n")
    assert lines[1::2] == [""] * 6
    for number, (line, pose) in enumerate(zip(lines[::2], card.poses(), strict=False)):
        image, *numbers, camera, name = line.split()
        assert (image, camera, name) == (str(number + 1), "1", f"{number:06d}.png")
        w, *xyz, = np.array(numbers[:4], float)  # fmt: skip
        np.testing.assert_allclose(w**2 + np.dot(xyz, xyz), 1)
        x, y, z = xyz
        rotation = np.array([
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ])  # fmt: skip
        np.testing.assert_allclose(rotation, pose[:3, :3], atol=1e-12)
        np.testing.assert_array_equal(np.array(numbers[4:], float), pose[:3, 3])
    assert not (out / "sparse/0/frames.txt").exists()


@pytest.mark.parametrize("angle", [0.0, 1e-9, 0.3, np.pi / 2, np.pi - 1e-9, np.pi])
def test_a_quaternion_is_exact_at_every_angle(angle):
    half = angle / 2
    rotation = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    found = quaternion(rotation)
    np.testing.assert_allclose(np.abs(found), [np.cos(half), 0, 0, np.sin(half)], atol=1e-8)


def test_nerfstudio_gets_camera_to_world_in_axes_of_opengl(room_shards, episode, tmp_path):
    out = tmp_path / "out"
    wm("export-3d", room_shards, out, "--clip", "episode_002", "--format", "nerfstudio")
    content = json.loads((out / "transforms.json").read_text())
    assert (content["w"], content["h"]) == (SIZE[1], SIZE[0])
    row = [content[key] for key in ("fl_x", "fl_y", "cx", "cy")]
    np.testing.assert_array_equal(row, episode.cameras.intrinsics[0])
    for frame, pose in zip(content["frames"], episode.cameras.poses, strict=True):
        assert (out / frame["file_path"]).is_file()
        to_world = np.array(frame["transform_matrix"])
        rotation, place = pose[:3, :3], -pose[:3, :3].T @ pose[:3, 3]
        right, down, ahead = rotation
        np.testing.assert_allclose(to_world[:3, 3], place, atol=1e-12)
        np.testing.assert_allclose(to_world[:3, :3].T, [right, -down, -ahead], atol=1e-12)
        np.testing.assert_array_equal(to_world[3], [0, 0, 0, 1])


def test_true_depth_gives_points_to_start_from(room, room_shards, tmp_path):
    wm("export-3d", room_shards, tmp_path / "a")
    lines = (tmp_path / "a/sparse/0/points3D.txt").read_text().splitlines()
    rows = np.array([line.split() for line in lines], float)
    assert (rows[:, 0] == np.arange(1, len(rows) + 1)).all()
    assert len(rows) == min(6 * SIZE[0] * SIZE[1], 20_000)
    assert distance_to_surface(room.scene, rows[:, 1:4]).max() < 1e-5
    wm("export-3d", room_shards, tmp_path / "b", "--format", "nerfstudio")
    content = json.loads((tmp_path / "b/transforms.json").read_text())
    written = (tmp_path / "b" / content["ply_file_path"]).read_bytes()
    points = written.partition(b"end_header\n")[2]
    points = np.frombuffer(points, ply.VERTEX)
    np.testing.assert_allclose(points["xyz"], rows[:, 1:4], rtol=1e-6)
    np.testing.assert_array_equal(points["rgb"], rows[:, 4:7])


def test_a_scene_without_depth_has_no_points(room_rollout, tmp_path):
    folder = shutil.copytree(room_rollout, tmp_path / "rollout")
    arrays = dict(np.load(folder / "clip_000_cameras.npz"))
    del arrays["depth"]
    np.savez(folder / "clip_000_cameras.npz", **arrays)
    wm("export-3d", folder, tmp_path / "out")
    assert (tmp_path / "out/sparse/0/points3D.txt").read_text() == ""
    assert not (tmp_path / "out/depth").exists()


def test_intrinsics_that_differ_stand_in_the_frames_alone(tmp_path):
    rows = np.array([[50.0, 50, 32, 24], [60, 60, 32, 24]])
    known = Cameras(rows, np.tile(np.eye(4), (2, 1, 1)))
    nerfstudio.write(tmp_path, ["a", "b"], SIZE, known, None)
    content = json.loads((tmp_path / "transforms.json").read_text())
    assert "ply_file_path" not in content
    assert not {"fl_x", "fl_y", "cx", "cy"} & content.keys()
    assert [frame["fl_x"] for frame in content["frames"]] == [50, 60]


@pytest.mark.parametrize(("truth", "factor"), [(False, 2), (True, 1)])
def test_a_rollout_has_the_cameras_of_its_truth_at_the_recorded_size(
    truth, factor, room_rollout, tmp_path
):
    out = tmp_path / "out"
    card = exported(room_rollout, out, "--clip", "clip_001", *["--truth"] * truth)
    known = read_npz(room_rollout / "clip_001_cameras.npz", "")
    np.testing.assert_array_equal(card.poses(), known["poses"])
    np.testing.assert_array_equal(card.intrinsics(), known["intrinsics"])
    assert [frame.step for frame in card.frames] == [0, 3, 6, 9, 12, 15]
    assert [frame.generated for frame in card.frames] == [False] * 2 + [not truth] * 4
    assert (card.height, card.width) == SIZE
    shown = images(out, card)[:, ::2, ::2].astype(float) * factor
    original = read_image(room_rollout / "clip_001_truth/000003.png", "")
    assert np.abs(shown[3] - original).mean() < 25


def test_a_recorded_clip_has_the_cameras_of_its_frames(room_shards, episode):
    uncached = SimpleNamespace(spec=SimpleNamespace(stride=7))  # no latents of these frames
    read = clips.read_episode(room_shards, "episode_002")
    clip = clips.recorded(uncached, 0, read, 1, clips.Length(1, 2, 2), 0)
    np.testing.assert_array_equal(clip.cameras.poses, episode.cameras.poses[[1, 3, 5]])
    np.testing.assert_array_equal(clip.cameras.depth, episode.cameras.depth[[1, 3, 5]])
    np.testing.assert_array_equal(list(clip.truth()), episode.frames[[1, 3, 5]])


def test_a_rollout_at_the_size_of_its_model_has_intrinsics_of_that_size(room_rollout, tmp_path):
    card = exported(room_rollout, tmp_path / "out", "--size", f"{SEEN[0]}x{SEEN[1]}")
    known = read_npz(room_rollout / "clip_000_cameras.npz", "")
    np.testing.assert_allclose(card.intrinsics(), known["intrinsics"] / 2)
    np.testing.assert_array_equal(
        images(tmp_path / "out", card)[5],
        read_image(room_rollout / "clip_000_generated/000005.png", ""),
    )


@pytest.mark.parametrize("layout", ["colmap", "nerfstudio", "frames"])
def test_without_cameras_there_are_images_and_json_alone(layout, room, tmp_path):
    write_rollout(room, tmp_path / "rollout", cameras=False)
    out = tmp_path / "out"
    line = wm("export-3d", tmp_path / "rollout", out, "--format", layout)
    assert "cameras are unknown: images and export.json alone" in line
    assert line.count("\n") == 1
    assert sorted(path.name for path in out.iterdir()) == ["export.json", "images"]
    assert cards.read(out).poses() is None


def test_videos_are_exported_where_a_rollout_has_no_images(room_rollout, tmp_path):
    folder = shutil.copytree(room_rollout, tmp_path / "rollout")
    content = json.loads((folder / ROLLOUT).read_text()) | {"images": False}
    (folder / ROLLOUT).write_text(json.dumps(content))
    card = exported(folder, tmp_path / "out", "--size", f"{SEEN[0]}x{SEEN[1]}")
    lossy = images(tmp_path / "out", card)[5].astype(float)
    original = read_image(room_rollout / "clip_000_generated/000005.png", "")
    assert np.abs(lossy - original).mean() < 12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "coldmap"], "--format coldmap: choose one of colmap, nerfstudio, frames"),
        (["--clip", "episode_009"], "has no such episode or clip; did you mean episode_00"),
        (["--truth"], "holds recorded episodes alone"),
        (["--size", "12"], "--size 12: give height and width up to 8192, such as 240x320"),
        (["--size", "0x12"], "--size 0x12: give height"),
    ],
)
def test_a_mistake_is_told_in_one_line_and_nothing_is_written(
    options, message, room_shards, tmp_path
):
    assert message in refused("export-3d", room_shards, tmp_path / "out", *options)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_source_and_what_is_no_export_is_refused(room_shards, tmp_path):
    line = refused("export-3d", tmp_path, tmp_path / "out")
    assert "holds neither rollout.json nor manifest.json" in line
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("keep")
    line = refused("export-3d", room_shards, tmp_path / "out")
    assert "out: is there already, and no export" in line
    assert (tmp_path / "out/mine.txt").read_text() == "keep"


def test_a_rollout_without_its_frames_or_with_wrong_cameras_is_named(room_rollout, tmp_path):
    folder = shutil.copytree(room_rollout, tmp_path / "rollout")
    np.savez(folder / "clip_000_cameras.npz", poses=np.eye(4)[None], intrinsics=np.ones(4))
    line = refused("export-3d", folder, tmp_path / "out")
    assert "clip_000_cameras.npz: damaged (1 cameras for 6 frames)" in line
    shutil.rmtree(folder / "clip_001_generated")
    assert "holds no PNG" in refused("export-3d", folder, tmp_path / "out", "--clip", "clip_001")


def test_the_same_source_gives_the_same_bytes_and_replaces_an_export(room_shards, tmp_path):
    wm("export-3d", room_shards, tmp_path / "a")
    before = contents(tmp_path / "a")
    wm("export-3d", room_shards, tmp_path / "a")
    assert contents(tmp_path / "a") == before
