"""Episodes are simulated, or listed where they are; a contact sheet shows them."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from helpers import PARAMS, default
from PIL import Image

from pipeline.collect import digests, locate
from pipeline.collect.collect import collect
from pipeline.collect.inventory import INVENTORY, resolve, write_inventory
from pipeline.collect.listing import files_below, folder_of
from pipeline.collect.preview import contact_sheet
from pipeline.errors import DataError
from pipeline.formats import FORMATS
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


@pytest.mark.parametrize("size", [3, 2**20 + 1])
def test_a_changed_new_or_missing_file_is_noticed(tmp_path, size):
    """Changed by one byte of the same size, with the time of modification set back."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "table").write_bytes(bytes(size))
    before = (own / "table").stat()
    write_inventory(own, tmp_path / "raw")
    assert resolve(tmp_path / "raw") == own
    (own / "new").touch()
    with pytest.raises(DataError, match=r"own/new: new since .* `dvc repro -f collect`"):
        resolve(tmp_path / "raw")
    (own / "new").unlink()
    (own / "table").write_bytes(bytes(size - 1) + b"1")
    os.utime(own / "table", ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(DataError, match=r"own/table: changed since .* `dvc repro -f collect`"):
        resolve(tmp_path / "raw")
    (own / "table").unlink()
    (own / "zebra").touch()
    with pytest.raises(DataError, match=r"own/table: missing since it was listed"):
        resolve(tmp_path / "raw")


def test_a_file_that_nobody_touched_is_read_once(own, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    read = []
    monkeypatch.setattr(digests, "SETTLED", -(10**12))  # time stamps of this second are trusted
    monkeypatch.setattr(digests, "sha256", lambda path: read.append(path.name) or path.name)
    files = files_below(own).files
    first = digests.digests(files)
    assert sorted(read) == sorted(path.name for path in files)
    (own / "states.pth").write_bytes(b"touched")
    assert digests.digests(files) == first
    assert read[len(files) :] == ["states.pth"]


def test_links_are_followed(own, tmp_path):
    """A set put together of links to a file, to a folder, and to a folder of links."""
    linked = tmp_path / "linked"
    linked.mkdir()
    for path in own.iterdir():
        (linked / path.name).symlink_to(path)
    assert write_inventory(linked, tmp_path / "raw") == 7
    names = [path.relative_to(linked) for path in files_below(linked).files]
    assert names == [path.relative_to(own) for path in files_below(own).files]
    assert files_below(linked).linked_folders
    assert not files_below(own).linked_folders
    (own / "obses" / "episode_000.pth").write_bytes(b"changed")
    with pytest.raises(DataError, match=r"linked/obses/episode_000.pth: changed since"):
        resolve(tmp_path / "raw")
    (linked / "back").symlink_to(tmp_path / "linked")
    with pytest.raises(DataError, match=r"linked/back: a link to a folder that holds it; remove"):
        files_below(linked)
    (linked / "back").unlink()
    (linked / "gone").symlink_to("nowhere")
    with pytest.raises(DataError, match=r"linked/gone: a link that leads nowhere; mend or remove"):
        files_below(linked)


@pytest.mark.parametrize("links", [False, True])
def test_dvc_can_look_at_every_file_below_the_link_of_locate(settings, own, tmp_path, links):
    """As DVC walks: not into links to folders."""
    if links:
        (tmp_path / "linked").mkdir()
        for path in own.iterdir():
            (tmp_path / "linked" / path.name).symlink_to(path)
        own = tmp_path / "linked"
    settings(str(own))
    locate.command(tmp_path / "root", tmp_path / "params.yaml")
    seen = tmp_path / "root" / locate.LINK
    walked = {Path(at, name).resolve() for at, _, names in os.walk(seen) for name in names}
    assert walked == {path.resolve() for path in files_below(own).files}
    assert len(walked) == 7
    settings(None)
    locate.command(tmp_path / "root", tmp_path / "params.yaml")
    assert seen.read_text() == "simulated\n"
    assert len(files_below(own).files) == 7


def test_a_relative_root_is_that_of_the_project_in_dvcs_copy_of_it(own, monkeypatch, tmp_path):
    copy = tmp_path / ".dvc" / "tmp" / "exps" / "standalone"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)
    assert folder_of("own") == tmp_path / "own"
    assert write_inventory("own", copy / "raw") == 7
    assert json.loads((copy / "raw" / INVENTORY).read_text())["root"] == "own"
    assert resolve(copy / "raw") == tmp_path / "own"
    (copy / "own").mkdir()
    assert folder_of("own") == Path("own")
    with pytest.raises(DataError, match=r"^absent: no such folder in /.*/standalone; correct"):
        folder_of("absent")


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


def test_a_contact_sheet_shows_first_and_last_frames_of_every_episode(own, tmp_path):
    module, options = default(FORMATS, "wall")
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
