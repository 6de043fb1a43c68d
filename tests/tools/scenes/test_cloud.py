"""`wm cloud`: points on the true surface, the sure ones, and a file that others read."""

import re
import shutil

import numpy as np
import pytest
from room_helpers import distance_to_surface
from scenes_helpers import SIZE, refused, wm

from pipeline.tools.scenes import card as cards
from pipeline.tools.scenes.lift import Lifting, lift
from pipeline.tools.scenes.ply import HEADER, VERTEX
from pipeline.tools.scenes.sources import read_image


@pytest.fixture
def changed(export, tmp_path):
    """A copy of it, to be changed."""
    return shutil.copytree(export, tmp_path / "export")


def read_ply(path):
    content = path.read_bytes()
    header, _, rows = content.partition(b"end_header\n")
    count = int(header.split(b"element vertex ")[1].split()[0])
    assert header.decode() + "end_header\n" == HEADER.format(count=count)
    values = np.frombuffer(rows, VERTEX)
    assert len(values) == count
    return values["xyz"], values["rgb"]


def confident(folder, values):
    """Give frame n the confidences of values[n], as an estimate called net."""
    for number, confidence in enumerate(values):
        truth = np.load(folder / f"depth/truth/{number:06d}.npz")["depth"]
        (folder / "depth/net").mkdir(exist_ok=True)
        path = folder / f"depth/net/{number:06d}.npz"
        np.savez(path, depth=truth, confidence=np.asarray(confidence, np.float32))


@pytest.mark.parametrize("source", ["room_shards", "room_rollout"])
def test_points_lie_on_the_true_surface(source, room, request, tmp_path):
    folder = request.getfixturevalue(source)
    wm("export-3d", folder, tmp_path / "export")
    line = wm("cloud", tmp_path / "export", tmp_path / "out.ply")
    points, _ = read_ply(tmp_path / "out.ply")
    assert f"cloud: {6 * SIZE[0] * SIZE[1]:,} points of 6 images" in line
    size = np.linalg.norm(room.scene.high[0])
    away = distance_to_surface(room.scene, points.astype(np.float64))
    assert np.median(away) < 1e-2 * size
    assert away.max() < 1e-5  # float32 in metres


def test_a_point_has_the_colour_of_its_pixel(export, tmp_path):
    wm("cloud", export, tmp_path / "out.ply", "--frames", 1)
    points, colours = read_ply(tmp_path / "out.ply")
    card = cards.read(export)
    image = read_image(export / card.frames[0].file, "")
    np.testing.assert_array_equal(colours.reshape(*SIZE, 3), image)
    fx, fy, cx, cy = card.intrinsics()[0]
    seen = points.astype(np.float64) @ card.poses()[0, :3, :3].T + card.poses()[0, :3, 3]
    pixels = (seen[:, :2] / seen[:, 2:] * [fx, fy] + [cx, cy]).reshape(*SIZE, 2)
    np.testing.assert_allclose(pixels[5, 7], [7.5, 5.5], atol=1e-3)


def test_the_less_sure_pixels_of_all_images_together_are_left_out(changed):
    count = SIZE[0] * SIZE[1]
    low = np.linspace(1, 2, count).reshape(SIZE)
    confident(changed, [low, low + 5])
    card = cards.read(changed)
    lifted = lift(changed, card, Lifting("net", 2, 1, 40.0, 10**6, 0))
    assert np.bincount(lifted.frames)[1] == count
    assert abs(len(lifted) - 0.6 * 2 * count) <= 1
    assert len(lift(changed, card, Lifting("net", 2, 1, 0.0, 10**6, 0))) == 2 * count


def test_pixels_without_depth_are_left_out(changed):
    depth = np.load(changed / "depth/truth/000000.npz")["depth"]
    depth[:4], depth[4] = 0, np.nan
    np.savez(changed / "depth/truth/000000.npz", depth=depth)
    lifted = lift(changed, cards.read(changed), Lifting("truth", 1, 1, 40.0, 10**6, 0))
    assert len(lifted) == (SIZE[0] - 5) * SIZE[1]
    assert np.isfinite(lifted.points).all()


def test_as_many_points_are_drawn_as_are_wanted_the_same_for_a_seed(export):
    card = cards.read(export)
    clouds = [lift(export, card, Lifting("truth", 30, 1, 40.0, 500, seed)) for seed in (0, 0, 1)]
    assert [len(each) for each in clouds] == [500] * 3
    np.testing.assert_array_equal(clouds[0].points, clouds[1].points)
    assert (clouds[0].points != clouds[2].points).any()
    assert set(clouds[0].frames) == set(range(6))
    assert np.bincount(clouds[0].frames).min() > 50


def test_steps_are_counted_in_images_that_have_depth(changed):
    card = cards.read(changed)
    assert Lifting("truth", 30, 2, 40.0, 1, 0).chosen(changed, card) == [0, 2, 4]
    assert Lifting("truth", 2, 2, 40.0, 1, 0).chosen(changed, card) == [0, 2]
    (changed / "depth/truth/000002.npz").unlink()
    assert Lifting("truth", 2, 2, 40.0, 1, 0).chosen(changed, card) == [0, 3]


def test_depth_of_another_size_is_lifted_to_the_same_place(changed, room):
    confident(changed, [np.ones(SIZE)])
    every = np.load(changed / "depth/net/000000.npz")["depth"]
    np.savez(changed / "depth/net/000000.npz", depth=every[2::4, 2::4])
    lifted = lift(changed, cards.read(changed), Lifting("net", 1, 1, 40.0, 10**6, 0))
    assert len(lifted) == SIZE[0] // 4 * SIZE[1] // 4
    # A pixel of the smaller map stands for 4 x 4, of which it has a middle one's depth.
    assert np.median(distance_to_surface(room.scene, lifted.points.astype(float))) < 0.1


def test_an_estimate_may_have_cameras_of_its_own(changed):
    pose = np.eye(4)
    pose[2, 3] = 5
    arrays = {"intrinsics": np.array([10.0, 10, 2, 2]), "poses": pose}
    (changed / "depth/net").mkdir()
    np.savez(changed / "depth/net/000000.npz", depth=np.full((4, 4), 2, np.float32), **arrays)
    lifted = lift(changed, cards.read(changed), Lifting("net", 1, 1, 40.0, 10**6, 0))
    np.testing.assert_allclose(lifted.points[0], [-0.3, -0.3, -3], rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--depth", "net"], "--depth net: .* holds other depth \\(truth\\); name that"),
        (["--out", "out.obj"], "out.obj: clouds are written as PLY"),
    ],
)
def test_a_mistake_is_told_in_one_line(options, message, export, tmp_path):
    out = tmp_path / "out.ply"
    if options[0] == "--out":
        out, options = tmp_path / options[1], []
    assert re.search(message, refused("cloud", export, out, *options))
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_export_or_is_damaged_is_named(changed, tmp_path):
    out = tmp_path / "out.ply"
    assert "holds no export.json; name a folder that" in refused("cloud", tmp_path, out)
    (changed / "depth/truth/000001.npz").write_bytes(b"nothing")
    assert "000001.npz: damaged" in refused("cloud", changed, out)
    shutil.rmtree(changed / "depth")
    assert "holds no depth; export what has true depth" in refused("cloud", changed, out)
    np.savez(changed / "images/000000.npz", depth=np.zeros(SIZE))
    (changed / "depth/truth").mkdir(parents=True)
    shutil.move(changed / "images/000000.npz", changed / "depth/truth")
    assert "no pixel of depth truth is positive" in refused("cloud", changed, out, "--frames", 1)
    (changed / "images/000000.png").write_bytes(b"nothing")
    np.savez(changed / "depth/truth/000000.npz", depth=np.ones(SIZE))
    assert "000000.png: damaged" in refused("cloud", changed, out, "--frames", 1)
    (changed / "export.json").write_text("{}")
    assert "export.json: damaged" in refused("cloud", changed, out)
    assert not out.exists()
