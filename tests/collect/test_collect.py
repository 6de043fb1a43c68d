"""Episodes are simulated, or listed where they are; a contact sheet shows them."""

import json
import re

import numpy as np
import pytest
import yaml
from helpers import PARAMS, default
from PIL import Image

from pipeline.collect.collect import collect
from pipeline.collect.inventory import HASHED, INVENTORY, resolve, write_inventory
from pipeline.collect.preview import contact_sheet
from pipeline.datasets import DATASETS
from pipeline.errors import DataError
from pipeline.params import read


@pytest.fixture
def settings(tmp_path):
    """A params.yaml of a small Wall world; `root` is the folder of a download."""

    def make(root=None):
        values = yaml.safe_load(yaml.safe_dump(PARAMS))
        values["worlds"]["wall"].update(episodes=3, steps=12, size=32)
        values["datasets"]["wall"]["root"] = root
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(values))
        return read(path)

    return make


@pytest.fixture
def own(settings, tmp_path):
    """A data set that the user has."""
    collect(settings(), tmp_path / "own")
    return tmp_path / "own"


def test_simulated_episodes_are_counted_and_can_be_opened(settings, tmp_path):
    dataset, line, frames = collect(settings(), tmp_path / "raw")
    assert line == f"3 episodes, 36 frames of wall in {tmp_path / 'raw'}"
    assert frames == 36
    assert len(dataset.open(resolve(tmp_path / "raw"))) == 3


def test_a_downloaded_set_is_listed_and_not_copied(settings, own, tmp_path):
    dataset, line, frames = collect(settings(str(own)), tmp_path / "raw")
    assert line.startswith("3 episodes of wall in 7 files of")
    assert frames == 0
    assert [path.name for path in (tmp_path / "raw").iterdir()] == [INVENTORY]
    assert resolve(tmp_path / "raw") == own
    np.testing.assert_array_equal(
        dataset.open(resolve(tmp_path / "raw"))[1].frames, dataset.open(own)[1].frames
    )
    listed = json.loads((tmp_path / "raw" / INVENTORY).read_text())["files"]
    assert {entry["name"] for entry in listed} >= {"states.pth", "obses/episode_002.pth"}


def test_a_set_that_is_not_of_the_layout_is_refused_and_leaves_nothing(settings, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("nothing of the kind")
    with pytest.raises(DataError, match=r"states.pth: no such file"):
        collect(settings(str(tmp_path / "other")), tmp_path / "raw")
    with pytest.raises(DataError, match="absent: no such folder"):
        collect(settings(str(tmp_path / "absent")), tmp_path / "raw")
    assert not (tmp_path / "raw").exists()


def test_a_changed_or_missing_file_is_noticed(own, tmp_path):
    write_inventory(own, tmp_path / "raw")
    table = own / "states.pth"
    content = table.read_bytes()
    table.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))  # of the same size
    with pytest.raises(DataError, match=r"states.pth: changed since .* `dvc repro -f collect`"):
        resolve(tmp_path / "raw")
    table.unlink()
    with pytest.raises(DataError, match=r"states.pth: missing since it was listed"):
        resolve(tmp_path / "raw")


@pytest.mark.parametrize(
    ("listed", "problem"),
    [
        ({"root": "own"}, "files: Field required"),
        ({"root": "", "files": []}, "root = '': "),
        ({"root": "own", "files": [{"name": "../b", "bytes": 1}]}, "files.0.name = '../b': leads"),
        ({"root": "own", "files": [{"name": "b", "bytes": -1}]}, "files.0.bytes = -1: "),
    ],
)
def test_a_damaged_inventory_is_refused(tmp_path, listed, problem):
    (tmp_path / INVENTORY).write_text(json.dumps(listed))
    with pytest.raises(DataError, match=re.escape(f"{INVENTORY}: damaged ({problem}")):
        resolve(tmp_path)


def test_large_files_are_identified_by_their_size_alone(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "large.bin").write_bytes(bytes(HASHED + 1))
    (tmp_path / "own" / "small.bin").write_bytes(b"1")
    assert write_inventory(tmp_path / "own", tmp_path / "raw") == 2
    large, small = json.loads((tmp_path / "raw" / INVENTORY).read_text())["files"]
    assert large == {"name": "large.bin", "bytes": HASHED + 1}
    assert set(small) == {"name", "bytes", "sha256"}


def test_a_contact_sheet_shows_first_and_last_frames_of_every_episode(own, tmp_path):
    module, options = default(DATASETS, "wall")
    source = module.build(options).open(own)
    contact_sheet(source, tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    scale, gap = 160 // 32, 2
    assert sheet.shape == (3 * (32 * scale + gap), 8 * (32 * scale + gap), 3)
    for row in range(3):
        frames = source[row].frames
        top = row * (32 * scale + gap)
        first = sheet[top : top + 32 * scale : scale, : 32 * scale : scale]
        left = 7 * (32 * scale + gap)
        last = sheet[top : top + 32 * scale : scale, left : left + 32 * scale : scale]
        np.testing.assert_array_equal(first, frames[0])
        np.testing.assert_array_equal(last, frames[-1])
