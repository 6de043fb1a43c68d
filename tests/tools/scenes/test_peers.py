"""What pycolmap and open3d make of our files; `make test-scenes` installs both."""

import numpy as np
import pytest
from scenes_helpers import SIZE, wm

from pipeline.tools.scenes import card as cards
from pipeline.tools.scenes.ply import VERTEX


@pytest.mark.parametrize("size", [None, (36, 96)])
def test_pycolmap_opens_an_export_with_the_same_cameras(size, room_shards, tmp_path):
    pycolmap = pytest.importorskip("pycolmap", reason="make test-scenes installs it")
    out = tmp_path / "out"
    wm("export-3d", room_shards, out, *(["--size", f"{size[0]}x{size[1]}"] if size else []))
    card = cards.read(out)
    model = pycolmap.Reconstruction(str(out / "sparse/0"))
    assert (model.num_images(), model.num_cameras()) == (6, 1)
    assert len(model.points3D) == min(6 * SIZE[0] * SIZE[1], 20_000)
    by_name = {image.name: image for image in model.images.values()}
    for frame, row, pose in zip(card.frames, card.intrinsics(), card.poses(), strict=True):
        image = by_name[frame.file.removeprefix("images/")]
        np.testing.assert_allclose(image.cam_from_world().matrix(), pose[:3], atol=1e-12)
        place = -pose[:3, :3].T @ pose[:3, 3]
        np.testing.assert_allclose(image.projection_center(), place, atol=1e-12)
        camera = model.cameras[image.camera_id]
        assert camera.model_name == "PINHOLE"
        assert (camera.height, camera.width) == (size or SIZE)
        np.testing.assert_array_equal(camera.params, row)
        point = pose[:3, :3].T @ (np.array([0.1, -0.2, 1.0]) * 3 - pose[:3, 3])
        expected = row[0] * 0.1 + row[2], row[1] * -0.2 + row[3]
        np.testing.assert_allclose(image.project_point(point), expected)


def test_open3d_reads_a_cloud_equal(room_shards, tmp_path):
    open3d = pytest.importorskip("open3d", reason="make test-scenes", exc_type=ImportError)
    wm("export-3d", room_shards, tmp_path / "export")
    wm("cloud", tmp_path / "export", tmp_path / "out.ply")
    content = (tmp_path / "out.ply").read_bytes().partition(b"end_header\n")[2]
    rows = np.frombuffer(content, VERTEX)
    read = open3d.io.read_point_cloud(str(tmp_path / "out.ply"))
    np.testing.assert_array_equal(np.asarray(read.points), rows["xyz"].astype(np.float64))
    np.testing.assert_array_equal(np.asarray(read.colors), rows["rgb"] / 255)
