"""A root on the hub is downloaded at its commit by locate, and read by collect like a folder."""

from pathlib import Path

import pytest
import yaml
from helpers import PARAMS, ROOT

from pipeline.collect import locate
from pipeline.collect.collect import collect
from pipeline.collect.inventory import resolve
from pipeline.errors import DataError
from pipeline.params import read
from pipeline.tools.check.ahead import check_ahead

SET = ROOT / "tests" / "formats" / "fixtures" / "lerobot_v3_edited"
COMMIT, MAIN = "ab" * 20, "cd" * 20
FILES = {
    path.relative_to(SET).as_posix(): path.read_bytes()
    for part in ("meta", "data", "videos")
    for path in sorted((SET / part).rglob("*"))
    if path.is_file()
}
BLOCK = {
    "format": "lerobot",
    "root": "lab/edited",
    "revision": COMMIT,
    "cameras": ["observation.images.top"],
    "resolution": [16, 16],
}


@pytest.fixture
def workspace(hub, tmp_path, monkeypatch):
    """A folder with params.yaml, whose data set is on the hub."""
    hub.hub("lab/edited", FILES, {"main": MAIN, COMMIT: COMMIT})
    monkeypatch.chdir(tmp_path)

    def write(**changes):
        values = yaml.safe_load(yaml.safe_dump(PARAMS))
        values["datasets"]["edited"] = {**BLOCK, **changes}
        values["dataset"] = "edited"
        Path("params.yaml").write_text(yaml.safe_dump(values))

    return write


def test_a_set_on_the_hub_is_downloaded_once_and_read(workspace, hub):
    workspace()
    locate.command(Path("data/edited/root"))
    folder = Path("data/edited/hub") / COMMIT
    assert Path("data/edited/root/files").resolve() == folder.resolve()
    dataset, line, _ = collect(read(Path("params.yaml")), Path("data/edited/raw"))
    assert line == f"3 episodes of edited in {len(FILES)} files of {folder}"
    assert len(dataset.open(resolve(Path("data/edited/raw")))[1]) == 6
    hub.requests.clear()
    locate.command(Path("data/edited/root"))
    assert hub.requests == []


def test_it_is_checked_as_soon_as_it_is_there(workspace):
    workspace(cameras=["observation.images.tpo"])
    check_ahead(read(Path("params.yaml")))
    locate.command(Path("data/edited/root"))
    with pytest.raises(DataError, match=r"no camera 'observation.images.tpo'"):
        check_ahead(read(Path("params.yaml")))


UNPINNED = {
    "branch": ({"revision": "main"},
               rf"edited.revision = 'main' is no commit, .* set it to {MAIN}, where it is now"),
    "no revision": ({"revision": None}, rf"lab/edited is no folder in .*; to download it, set "
                                        rf"datasets.edited.revision: {MAIN}"),
    "unknown": ({"root": "lab/none", "revision": "main"}, r"set it to one \(40 hexadecimal digits"),
    "no id": ({"root": "recordings"}, r"root = 'recordings' is no id of a data set on the hub"),
    "folder": ({"root": "lab/none", "revision": None}, r"lab/none: no such folder in"),
    "gone": ({"root": "lab/none"}, r"lab/none: cannot be read from the hub .*; run it again to"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "said"), UNPINNED.values(), ids=list(UNPINNED))
def test_what_is_not_pinned_is_refused_with_the_commit_to_pin(changes, said, workspace):
    workspace(**changes)
    with pytest.raises(DataError, match=said) as caught:
        locate.command(Path("data/edited/root"))
    assert "\n" not in str(caught.value)
    assert not Path("data/edited/root").exists()


def test_a_folder_needs_no_network(workspace, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    workspace(root=str(SET), revision=None)
    locate.command(Path("data/edited/root"))
    assert Path("data/edited/root/files").resolve() == SET.resolve()
