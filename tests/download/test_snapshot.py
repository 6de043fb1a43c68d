"""A data set on the hub is downloaded whole at one commit, or not at all."""

import pytest

from pipeline.download.snapshot import commit_of, download
from pipeline.errors import DataError

COMMIT, LATER = "ab" * 20, "cd" * 20
FILES = {
    "meta/info.json": b"{}" * 30,
    "data/chunk-000/file-000.parquet": bytes(range(256)) * 20,
    "videos/top/file-000.mp4": b"video" * 900,
}


@pytest.fixture(autouse=True)
def published(hub):
    hub.hub("lab/set", FILES, {"main": LATER, "v1": COMMIT, COMMIT: COMMIT, LATER: LATER})


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_all_files_of_the_commit_are_there(hub, tmp_path, capsys):
    download("lab/set", COMMIT, tmp_path / "hub" / COMMIT, delay=0)
    assert content(tmp_path / "hub") == {f"{COMMIT}/{name}": data for name, data in FILES.items()}
    assert all(f"/resolve/{COMMIT}/" in path for path, _ in hub.downloads())
    assert f"lab/set at {COMMIT}: 3 files, 9,680 bytes in" in capsys.readouterr().out


def test_an_interrupted_download_goes_on_where_it_stopped(hub, tmp_path):
    folder, broken = tmp_path / "hub" / COMMIT, f"/datasets/lab/set/resolve/{COMMIT}/{[*FILES][2]}"
    hub.faults[broken] = ["cut", 404]
    with pytest.raises(DataError, match=r"404; run it again to resume, or download lab/set at ab"):
        download("lab/set", COMMIT, folder, delay=0)
    assert not folder.exists()
    before = len(hub.downloads())
    download("lab/set", COMMIT, folder, delay=0)
    assert content(folder) == FILES
    [(path, byte_range)] = hub.downloads()[before:]
    assert (path, byte_range) == (broken, "bytes=2250-")


def test_other_bytes_than_those_listed_are_never_there(hub, tmp_path):
    hub.faults[f"/datasets/lab/set/resolve/{COMMIT}/{[*FILES][1]}"] = ["wrong", "wrong"]
    with pytest.raises(DataError, match="downloaded twice, and not the 5,120 bytes of sha256"):
        download("lab/set", COMMIT, tmp_path / COMMIT, delay=0)
    assert not (tmp_path / COMMIT).exists()


@pytest.mark.parametrize("name", ["../evil.json", "/etc/evil.json"])
def test_a_name_that_leads_out_of_the_folder_is_refused(name, hub, tmp_path):
    hub.hub("lab/evil", {name: b"x" * 9}, {COMMIT: COMMIT})
    with pytest.raises(DataError, match="leads out of"):
        download("lab/evil", COMMIT, tmp_path / "hub" / COMMIT, delay=0)
    assert not list(tmp_path.rglob("evil*"))


def test_the_commit_of_a_revision_is_what_the_hub_says(hub):
    assert commit_of("lab/set") == LATER
    assert commit_of("lab/set", "v1") == COMMIT
    assert commit_of("lab/none") is None


def test_without_a_network_it_ends_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DataError, match=r"lab/set: cannot be read from the hub \(.*\); run it aga"):
        download("lab/set", COMMIT, tmp_path / COMMIT, delay=0)
    assert commit_of("lab/set") is None
    assert not (tmp_path / COMMIT).exists()
