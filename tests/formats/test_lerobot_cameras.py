"""Only 8-bit colour is read: depth and other cameras are refused by name, damaged images alone."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import GOLDEN
from lerobot_helpers import CAMERA, edit, feature_with, layout, replace
from PIL import Image

from pipeline.episodes import video
from pipeline.errors import DataError

DATA = "data/chunk-000/file-000.parquet"
VIDEO = f"videos/{CAMERA}/chunk-000/file-000.mp4"
STILL = "observation.images.still"
ROWS = 65
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (ROWS, 16, 24, 3), np.uint8)


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def flipped(content, place):
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


FILES = [png(frame) for frame in PIXELS]


@pytest.fixture
def v3(tmp_path):
    """The v3 set with a second camera, whose frames are images in the parquet file."""
    raw = Path(shutil.copytree(GOLDEN / "lerobot_v3", tmp_path / "v3"))
    still = {"dtype": "image", "shape": [16, 24, 3], "names": ["height", "width", "channels"]}
    edit(raw / "meta/info.json", lambda info: info["features"].update({STILL: still}))
    table = pq.read_table(raw / DATA)
    cells = pa.array([{"bytes": file, "path": None} for file in FILES])
    pq.write_table(table.append_column(STILL, [cells]), raw / DATA)
    return raw


def cells_with(number, cell):
    def change(raw):
        cells = [{"bytes": file, "path": None} for file in FILES]
        cells[number] = cell
        replace(raw / DATA, STILL, pa.array(cells))

    return change


def test_images_are_read_exactly(v3):
    frames = np.concatenate([episode.frames for episode in layout(STILL).open(v3)])
    np.testing.assert_array_equal(frames, PIXELS)


DAMAGED = {
    "size": ({"bytes": png(PIXELS[0, :8]), "path": None},
             r"1: .*still is 24x8 at frame 4, 24x16 before; record it at one size"),
    "no image": ({"bytes": b"no image", "path": None}, r"still at frame 4 is no image; fetch"),
    "cut": ({"bytes": FILES[0][:90], "path": None}, r"still at frame 4 is no image \(.*\); fetch"),
    "bit": ({"bytes": flipped(FILES[0], len(FILES[0]) // 2), "path": None},
            r"still at frame 4 is no image \(.*\); fetch"),
    "header": ({"bytes": FILES[0][:20] + b"\0" * 20, "path": None}, r"at frame 4 is no image"),
    "none": (None, r"still at frame 4 holds no image; embed"),
    "null": ({"bytes": None, "path": None}, r"still at frame 4 holds no image; embed"),
    "path": ({"bytes": None, "path": "images/frame_000004.png"},
             r"at frame 4 names the file 'images/frame_000004.png', but holds no image; embed"),
    "16 bits": ({"bytes": png(np.zeros((16, 24), np.uint16)), "path": None},
                r"still at frame 4 has more than 8 bits \(Pillow's mode I;16\)"),
}  # fmt: skip


@pytest.mark.parametrize(("cell", "said"), DAMAGED.values(), ids=list(DAMAGED))
def test_one_wrong_image_costs_its_episode_alone(cell, said, v3):
    cells_with(30, cell)(v3)
    source = layout(STILL).open(v3)
    with pytest.raises(DataError, match=said) as caught:
        source[1]
    assert "object at 0x" not in str(caught.value)
    assert [len(source[index]) for index in (0, 2)] == [26, 13]


@pytest.mark.parametrize("cells", [pa.array(["a"] * ROWS), pa.array([{"byte": 1}] * ROWS)])
def test_a_column_of_something_else_than_images_is_refused(cells, v3):
    replace(v3 / DATA, STILL, cells)
    with pytest.raises(DataError, match="still at frame 0 holds no image"):
        layout(STILL).open(v3)[0]


def recorded(**values):
    return feature_with(CAMERA, info=values)


def depth_video(raw):
    """As lerobot 0.6 writes depth: 12-bit greyscale in HEVC."""
    frames = np.repeat(PIXELS[:, :, :, :1], 3, 3)
    settings = {"codec": "ffv1", "pix_fmt": "gray12le"}
    (raw / VIDEO).write_bytes(video.encode(frames, 3, settings))


OTHERS = "set datasets.NAME.cameras to observation.images.still, observation.images.wrist"
NOT_COLOUR = {
    "depth": (recorded(is_depth_map=True), CAMERA, "depth"),
    "depth before 0.6": (recorded(**{"video.is_depth_map": True}), CAMERA, "depth"),
    "v2.0": (feature_with(CAMERA, video_info={"video.is_depth_map": True}), CAMERA, "depth"),
    "12 bits": (recorded(**{"video.pix_fmt": "gray12le"}), CAMERA,
                "12 bits in 1 channels (gray12le)"),
    "10 bits": (recorded(**{"video.pix_fmt": "yuv420p10le"}), CAMERA,
                "10 bits in 3 channels (yuv420p10le)"),
    "other types": (recorded(is_depth_map=[]), CAMERA,
                    "what is not known (is_depth_map: Input should be a valid boolean)"),
    "one channel": (feature_with(CAMERA, shape=[48, 64, 1]), CAMERA,
                    "greyscale, of shape [48, 64, 1]"),
    "channels first": (feature_with(CAMERA, shape=[1, 48, 64]), CAMERA, "greyscale"),
    "no channel": (feature_with(CAMERA, shape=[48, 64]), CAMERA, "greyscale, of shape [48, 64]"),
    "undeclared video": (depth_video, CAMERA, "12 bits in 1 channels (gray12le)"),
    "undeclared image": (cells_with(0, {"bytes": png(np.zeros((16, 24), np.uint16)), "path": None}),
                         STILL, "more than 8 bits (Pillow's mode I;16)"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "camera", "what"), NOT_COLOUR.values(), ids=list(NOT_COLOUR))
def test_a_camera_of_something_else_is_refused_by_name(change, camera, what, v3):
    change(v3)
    with pytest.raises(DataError) as caught:
        layout(camera).open(v3)
    said = str(caught.value)
    assert said.startswith(f"{v3}: camera {camera} records {what}")
    assert ", not 8-bit colour; set datasets.NAME.cameras to " in said
    assert "observation.images.wrist" in said
    assert len(layout("observation.images.wrist").open(v3)[0]) == 26


def test_where_no_camera_records_colour_the_error_says_so(v3):
    for name in json.loads((v3 / "meta/info.json").read_text())["features"]:
        if "images" in name:
            feature_with(name, info={"is_depth_map": True})(v3)
    with pytest.raises(DataError, match=r"records depth, not 8-bit colour; none of its cameras do"):
        layout().open(v3)
