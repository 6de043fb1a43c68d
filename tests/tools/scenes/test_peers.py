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


@pytest.mark.filterwarnings("ignore")  # of torch's own deprecations, which nerfstudio 1.1.5 calls
def test_the_dataparser_of_nerfstudio_reads_cameras_and_points_equal(room_shards, tmp_path):
    pytest.importorskip("nerfstudio", reason="make test-scenes installs it")
    from nerfstudio.data.dataparsers import nerfstudio_dataparser as parsers

    wm("export-3d", room_shards, tmp_path, "--format", "nerfstudio", "--size", "36x96")
    card = cards.read(tmp_path)
    chosen = parsers.NerfstudioDataParserConfig(
        data=tmp_path, orientation_method="none", center_method="none", auto_scale_poses=False,
        load_3D_points=True, eval_mode="all", downscale_factor=1,
    )  # fmt: skip
    read = chosen.setup().get_dataparser_outputs("train")
    assert [path.name for path in read.image_filenames] == [f"{n:06d}.png" for n in range(6)]
    to_world = np.linalg.inv(card.poses())[:, :3] * [1, -1, -1, 1]
    np.testing.assert_allclose(read.cameras.camera_to_worlds.numpy(), to_world, atol=1e-6)
    for number, name in enumerate(("fx", "fy", "cx", "cy")):
        values = getattr(read.cameras, name).numpy()[:, 0]
        np.testing.assert_allclose(values, card.intrinsics()[:, number], rtol=1e-6)
    assert (read.cameras.height[0], read.cameras.width[0]) == (36, 96)
    rows = np.frombuffer(
        (tmp_path / "points.ply").read_bytes().partition(b"end_header\n")[2], VERTEX
    )
    np.testing.assert_allclose(read.metadata["points3D_xyz"].numpy(), rows["xyz"], atol=1e-6)
    np.testing.assert_array_equal(read.metadata["points3D_rgb"].numpy(), rows["rgb"])
