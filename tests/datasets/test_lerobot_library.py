"""`reader: lerobot`: the library's own reading gives what ours gives, and never asks the hub."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT
from lerobot_helpers import CAMERA, DATA, EPISODES, VIDEO, edit, layout

from pipeline.errors import DataError, ParamsError


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    pytest.importorskip("datasets", reason="lerobot is not installed: pip install -e .[lerobot]")
    return tmp_path_factory.mktemp("hf")


@pytest.fixture
def v21(home, tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", home)
    layout().write(EPISODES, tmp_path / "set")
    return tmp_path / "set"


@pytest.fixture
def v20(v21):
    stats = json.loads((v21 / "meta/episodes_stats.jsonl").read_text().splitlines()[0])["stats"]
    (v21 / "meta/stats.json").write_text(json.dumps(stats))
    (v21 / "meta/episodes_stats.jsonl").unlink()
    edit(v21 / "meta/info.json", lambda info: info.update(codebase_version="v2.0"))
    return v21


def assert_both_read_the_same(raw):
    ours, theirs = layout().open(raw), layout(reader="lerobot").open(raw)
    assert len(theirs) == len(ours)
    for index in range(len(ours)):
        expected, episode = ours[index], theirs[index]
        assert (episode.key, episode.meta) == (expected.key, expected.meta)
        assert episode.video == expected.video
        for name in ("frames", "actions", "states"):
            np.testing.assert_array_equal(getattr(episode, name), getattr(expected, name))
            assert getattr(episode, name).dtype == getattr(expected, name).dtype


@pytest.mark.parametrize("version", ["v21", "v20"])
def test_the_library_reads_what_we_read(version, request):
    assert_both_read_the_same(request.getfixturevalue(version))


def test_of_a_part_of_a_set_likewise(v21):
    (v21 / DATA).unlink()
    assert_both_read_the_same(v21)


@pytest.mark.parametrize("name", ["meta/tasks.jsonl", "meta/episodes_stats.jsonl"])
def test_a_missing_meta_file_is_named_before_the_library_looks_for_it(v21, name):
    (v21 / name).unlink()
    with pytest.raises(DataError, match=f"{name}: no such file; fetch it, or set reader: pyarrow"):
        layout(reader="lerobot").open(v21)


def test_a_camera_that_was_not_fetched_is_named(v21):
    def another(info):
        info["features"]["observation.images.wrist"] = info["features"][CAMERA]

    edit(v21 / "meta/info.json", another)
    wrist = VIDEO.replace(CAMERA, "observation.images.wrist").replace("000001", "000000")
    with pytest.raises(DataError, match=f"{wrist}: no such file; lerobot wants all cameras"):
        layout(reader="lerobot").open(v21)[0]


def test_a_damaged_list_is_a_line(v21):
    (v21 / "meta/episodes.jsonl").write_text('{"episode_index": 0')
    with pytest.raises(DataError, match=r"meta: lerobot does not read it .*fetch it again"):
        layout(reader="lerobot").open(v21)


def test_version_3_is_not_for_the_library_that_is_pinned(tmp_path):
    raw = Path(shutil.copytree(ROOT / "tests/golden/lerobot_v3", tmp_path / "raw"))
    with pytest.raises(ParamsError, match=r"reader = lerobot, but .* is v3.0"):
        layout(reader="lerobot").open(raw)


def test_without_the_library_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    layout().write(EPISODES[:1], tmp_path / "set")
    monkeypatch.setitem(sys.modules, "lerobot.datasets", None)
    with pytest.raises(ParamsError, match="lerobot is missing; pip install -e"):
        layout(reader="lerobot").open(tmp_path / "set")
