"""`wm depth`, against a stand-in with the interface of depth-anything-3 0.1.1."""

import os
import sys

import numpy as np
import pytest
from scenes_helpers import SIZE, refused, wm, write_rollout

from pipeline.tools.scenes import card as cards
from pipeline.tools.scenes import depth_maps

STAND_IN = '''
"""What depth_anything_3.api offers: sides are multiples of 14, poses 3 x 4 or 4 x 4."""
import json, os
from dataclasses import dataclass
from pathlib import Path
import numpy as np
from PIL import Image

@dataclass
class Prediction:
    depth: np.ndarray
    is_metric: int
    sky: np.ndarray | None = None
    conf: np.ndarray | None = None
    extrinsics: np.ndarray | None = None
    intrinsics: np.ndarray | None = None
    processed_images: np.ndarray | None = None
    scale_factor: float | None = None

class DepthAnything3:
    @classmethod
    def from_pretrained(cls, folder):
        assert os.environ["HF_HUB_OFFLINE"] == "1"
        self = cls()
        self.mode = json.loads((Path(folder) / "config.json").read_text())["mode"]
        return self

    def to(self, device):
        assert device in ("cpu", "cuda")
        return self

    def inference(self, image, extrinsics=None, intrinsics=None, process_res=504, **_):
        if self.mode == "fails":
            print("a long tale")
            raise RuntimeError("CUDA out of memory")
        pictures = [Image.open(path).convert("RGB") for path in image]
        width, height = pictures[0].size
        scale = process_res / max(width, height)
        w, h = (max(14, round(side * scale / 14) * 14) for side in (width, height))
        seen = np.stack([np.asarray(picture.resize((w, h))) for picture in pictures])
        count = len(image)
        depth = np.full((count, h, w), 2.0, np.float32)
        if extrinsics is None:
            extrinsics = np.tile(np.eye(4, dtype=np.float32)[:3], (count, 1, 1))
            intrinsics = np.tile(np.diag([w, w, 1]).astype(np.float32), (count, 1, 1))
        else:
            assert extrinsics.shape == (count, 4, 4) and intrinsics.shape == (count, 3, 3)
            intrinsics = intrinsics * np.array([w / width, h / height, 1])[:, None]
        sky = np.zeros((count, h, w), bool)
        sky[:, 0] = True
        plain, odd = self.mode == "plain", self.mode == "odd"
        return Prediction(
            depth, 0, None if plain else sky,
            None if plain else np.tile(np.arange(w, dtype=np.float32), (count, h - odd, 1)),
            extrinsics * (1.00001 if self.mode == "cut" else 1),
            intrinsics, None if plain else seen)
'''

TORCH = "class cuda:\n    is_available = staticmethod(lambda: False)\n"


@pytest.fixture
def environment(tmp_path):
    """The Python of another environment, whose depth_anything_3 is the stand-in."""
    package = tmp_path / "site/depth_anything_3"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "api.py").write_text(STAND_IN)
    (tmp_path / "site/torch.py").write_text(TORCH)  # its import takes seconds
    return program(tmp_path / "python", f"{tmp_path / 'site'}")


def program(path, packages):
    path.write_text(f'#!/bin/sh\nPYTHONPATH={packages} exec {sys.executable} "$@"\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def model(tmp_path):
    return weights(tmp_path, "full")


def weights(folder, mode):
    (folder / mode).mkdir()
    (folder / mode / "config.json").write_text(f'{{"mode": "{mode}"}}')
    (folder / mode / "model.safetensors").write_bytes(b"")
    return folder / mode


@pytest.fixture
def export(room_shards, tmp_path):
    wm("export-3d", room_shards, tmp_path / "export")
    return tmp_path / "export"


def test_depth_is_estimated_by_the_other_python_and_lifted(environment, model, export, tmp_path):
    options = ["--python", environment, "--model", model, "--frames", 2, "--step", 2]
    line = wm("depth", export, *options, "--resolution", 112)
    assert line.startswith(f"depth: da3 of 2 images in {export}")
    assert sorted(path.name for path in (export / "depth/da3").iterdir()) == [
        "000000.npz",
        "000002.npz",
    ]
    card = cards.read(export)
    read = depth_maps.read(export, card, "da3", 2)
    assert read.depth.shape == (84, 112)
    assert read.image.shape == (84, 112, 3)
    assert (read.depth[0] == 0).all()  # the sky
    assert (read.depth[1:] == 2).all()
    np.testing.assert_array_equal(read.confidence[5], np.arange(112))
    np.testing.assert_allclose(read.pose, card.poses()[2], atol=1e-6)
    scale = np.array([112 / SIZE[1], 84 / SIZE[0]] * 2)
    np.testing.assert_allclose(read.intrinsics, card.intrinsics()[2] * scale, rtol=1e-6)
    wm("cloud", export, tmp_path / "out.ply", "--depth", "da3", "--percentile", 50)
    assert f"element vertex {2 * 83 * 56}".encode() in (tmp_path / "out.ply").read_bytes()


@pytest.mark.parametrize("mode", ["plain", "cut"])
def test_what_a_model_does_not_tell_is_not_asked_for(mode, environment, room, tmp_path):
    write_rollout(room, tmp_path / "rollout", cameras=False)
    export = tmp_path / "export"
    wm("export-3d", tmp_path / "rollout", export)
    model = weights(tmp_path, mode)
    wm("depth", export, "--python", environment, "--model", model, "--name", "mine")
    read = depth_maps.read(export, cards.read(export), "mine", 5)
    assert (read.confidence is None) == (mode == "plain")
    assert read.image.shape == (*read.depth.shape, 3)
    np.testing.assert_allclose(read.pose, np.eye(4), atol=1e-5)
    line = wm("cloud", export, tmp_path / "out.ply", "--depth", "mine")
    assert " of 6 images" in line


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("fails", "ended with 1 (RuntimeError: CUDA out of memory); take fewer --frames"),
        ("odd", "depth and confidence are no maps"),
    ],
)
def test_a_network_that_fails_leaves_nothing(mode, message, environment, export, tmp_path):
    model = weights(tmp_path, mode)
    line = refused("depth", export, "--python", environment, "--model", model)
    assert message in line
    assert [path.name for path in (export / "depth").iterdir()] == ["truth"]


def test_an_environment_without_it_is_named_with_the_way_to_it(model, export, tmp_path):
    other = program(tmp_path / "bare", tmp_path / "nothing")
    line = refused("depth", export, "--python", other, "--model", model)
    assert "has no depth_anything_3 (No module named 'depth_anything_3'); install it there" in line
    absent = tmp_path / "absent/python"
    line = refused("depth", export, "--python", absent, "--model", model)
    assert f"--python {absent}: no such program; make one by" in line
    assert os.listdir(export / "depth") == ["truth"]


def test_missing_weights_and_a_name_that_is_taken_are_refused(environment, export, tmp_path):
    line = refused("depth", export, "--python", environment, "--model", tmp_path)
    assert "holds no config.json; download a model" in line
    for name in ("truth", "../truth", ".hidden"):
        line = refused("depth", export, "--model", tmp_path, "--name", name)
        assert f"--name {name}: choose another, such as da3" in line
