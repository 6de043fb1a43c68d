"""Published weights are found or named, checked, and remembered by where they are."""

import hashlib
import json

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from pipeline.encoders._pretrained import POINTER, Weights, locate, recall, remember
from pipeline.errors import DataError

PLACE = "encoders.some.weights"
FILES = ("config.json", "model.safetensors")


def weights(source, **changes):
    return Weights(
        **{"file": None, "revision": None, "sha256": None, "source": str(source)} | changes
    )


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "weights"
    (folder / "vae").mkdir(parents=True)
    for at in (folder, folder / "vae"):
        for name in FILES:
            (at / name).write_bytes(f"{at.name} {name}".encode())
    return folder


@pytest.fixture
def hub(monkeypatch, folder):
    """A hub that has one repository, someone/model, at commit c0ffee and as main."""
    asked = []

    def download(repo_id, filename, *, revision):
        asked.append((repo_id, filename, revision))
        if (repo_id, revision) not in {("someone/model", "c0ffee"), ("someone/model", None)}:
            raise LocalEntryNotFoundError("Revision Not Found\nfor url: https://hub")
        if not (folder / filename).is_file():
            raise LocalEntryNotFoundError("Entry Not Found")
        return str(folder / filename)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    return asked


def complaint(*arguments):
    with pytest.raises(DataError) as caught:
        locate(*arguments)
    said = str(caught.value)
    assert "\n" not in said
    return said


def test_a_file_is_taken_by_its_path_or_by_its_name_in_a_folder(folder):
    path = folder / "model.safetensors"
    assert locate(weights(path), PLACE).path == path
    assert locate(weights(folder, file="model.safetensors"), PLACE).path == path
    assert locate(weights(folder, file="vae/config.json"), PLACE).path == folder / "vae/config.json"


def test_a_folder_is_taken_whole_or_by_a_folder_in_it(folder):
    assert locate(weights(folder), PLACE, FILES).path == folder
    assert locate(weights(folder, file="vae"), PLACE, FILES).path == folder / "vae"


def test_the_digest_is_that_of_sha256sum(folder):
    path = folder / "model.safetensors"
    found = locate(weights(path), PLACE).pointer.weights.sha256
    assert found == sha256(b"weights model.safetensors")
    lines = [f"{sha256((folder / name).read_bytes())}  {name}\n" for name in FILES]
    found = locate(weights(folder), PLACE, FILES).pointer.weights.sha256
    assert found == sha256("".join(lines).encode())
    (folder / "README.md").write_text("of no concern")
    assert locate(weights(folder, sha256=found), PLACE, FILES).path == folder


@pytest.mark.parametrize("files", [(), FILES])
def test_weights_with_another_digest_are_refused(folder, files):
    source = folder if files else folder / "model.safetensors"
    right = locate(weights(source), PLACE, files).pointer.weights.sha256
    locate(weights(source, sha256=right), PLACE, files)
    said = complaint(weights(source, sha256="0" * 64), PLACE, files)
    assert f"{PLACE}.sha256 = {'0' * 64}, but {source} has {right}; point {PLACE}.source" in said


def test_what_is_missing_is_named_with_where_to_put_it(folder):
    (folder / "model.safetensors").unlink()
    assert complaint(weights(folder), PLACE, FILES) == (
        f"{folder}/model.safetensors: no such file; put it there, or point {PLACE}.source at a "
        "folder that holds config.json and model.safetensors"
    )
    assert complaint(weights(folder, file="model.safetensors"), PLACE) == (
        f"{folder}/model.safetensors: no such file; put it there, or point {PLACE}.source at the "
        "file"
    )
    assert complaint(weights(folder / "config.json"), PLACE, FILES).startswith(
        f"{folder}/config.json/config.json: no such file"
    )


@pytest.mark.parametrize("name", ["weights", "weights/none.pt", "someone/model"])
def test_where_one_file_is_meant_it_must_be_there_or_named(tmp_path, folder, name):
    assert complaint(weights(tmp_path / name), PLACE) == (
        f"{tmp_path / name}: no such file; put it there, or name the file of a folder or "
        f"repository by {PLACE}.file"
    )


def test_what_is_not_here_comes_from_the_hub_at_its_revision(folder, hub):
    pinned = weights("someone/model", revision="c0ffee")
    assert locate(pinned, PLACE, FILES).path == folder
    assert hub == [("someone/model", name, "c0ffee") for name in FILES]
    one = weights("someone/model", file="vae/config.json")
    assert locate(one, PLACE).path == folder / "vae/config.json"
    assert hub[-1] == ("someone/model", "vae/config.json", None)
    assert locate(weights("someone/model", file="vae"), PLACE, FILES).path == folder / "vae"


def test_what_the_hub_does_not_give_is_named(hub):
    said = complaint(weights("someone/model", revision="f00"), PLACE, FILES)
    assert said == (
        f"{PLACE}.source = 'someone/model': not here, and the hub does not give config.json at f00 "
        f"(Revision Not Found for url: https://hub); point {PLACE}.source at a folder that holds "
        "config.json and model.safetensors"
    )
    said = complaint(weights("someone/model", file="other.pt"), PLACE)
    assert "does not give other.pt at main (Entry Not Found)" in said


def test_without_a_network_and_for_a_path_that_is_no_name_it_says_so_too(monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    said = complaint(weights("someone/model"), PLACE, FILES)
    assert "the hub does not give config.json at main" in said
    said = complaint(weights(tmp_path / "none.pt", file="none.pt"), PLACE)
    assert f"'{tmp_path}/none.pt': not here" in said
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("files", [(), FILES])
def test_remembered_weights_are_found_again_without_a_copy(folder, tmp_path, files):
    located = locate(weights(folder if files else folder / "config.json"), PLACE, files)
    codec = tmp_path / "codec"
    codec.mkdir()
    remember(codec, located)
    assert [path.name for path in codec.iterdir()] == [POINTER]
    assert recall(codec) == located


def test_a_codec_of_the_hub_s_weights_names_no_path_of_a_machine(folder, hub, tmp_path):
    remember(tmp_path, locate(weights("someone/model", revision="c0ffee"), PLACE, FILES))
    assert str(folder) not in (tmp_path / POINTER).read_text()
    said = json.loads((tmp_path / POINTER).read_text())["weights"]
    assert (said["source"], said["revision"]) == ("someone/model", "c0ffee")
    assert recall(tmp_path).path == folder


def test_weights_that_vanished_or_changed_are_named(folder, tmp_path):
    path = folder / "model.safetensors"
    remember(tmp_path, locate(weights(folder), PLACE, FILES))
    content = path.read_bytes()
    path.write_bytes(content[::-1])
    with pytest.raises(DataError, match=f"{folder}: not the weights that {tmp_path} was made with"):
        recall(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match=rf"{path}: no such file; .* {PLACE}.source"):
        recall(tmp_path)
