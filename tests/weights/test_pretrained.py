"""Published weights are found or named, checked, and remembered by where they are."""

import hashlib
import json
import os
import subprocess
import sys

import huggingface_hub
import pytest
from httpx2 import Client, MockTransport, ReadTimeout, Response
from huggingface_hub.errors import LocalEntryNotFoundError
from pydantic import ValidationError

from pipeline.errors import DataError, ParamsError
from pipeline.weights.pretrained import POINTER, Weights, locate, locate_again, write_pointer

PLACE = "encoders.some.weights"
FILES = ("config.json", "model.safetensors")
COMMIT, OTHER = "c0ffee" + "0" * 34, "f00" + "0" * 37
SCRIPT = f"""
import time
from pipeline.weights.pretrained import Weights, locate
weights = Weights(source="someone/model", file=None, revision="{COMMIT}", sha256=None)
start = time.perf_counter()
try:
    locate(weights, "{PLACE}", {FILES})
except ValueError as error:
    print(error)
print(time.perf_counter() - start)
"""


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
    """A hub that has one repository, someone/model, at one commit, and is busy at first."""
    asked = []
    busy = MockTransport(lambda request: Response(503))

    def download(repo_id, filename, *, revision):
        asked.append((repo_id, filename, revision))
        if (repo_id, revision) != ("someone/model", COMMIT):
            raise LocalEntryNotFoundError("Revision Not Found\nfor url: https://hub")
        if not (folder / filename).is_file():
            raise LocalEntryNotFoundError("Entry Not Found")
        return str(folder / filename)

    monkeypatch.setattr(huggingface_hub, "get_session", lambda: Client(transport=busy))
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


@pytest.mark.parametrize("name", ["weights/none.pt", "someone/model"])
def test_where_one_file_is_meant_it_must_be_there_or_named(tmp_path, folder, name):
    assert complaint(weights(tmp_path / name), PLACE) == (
        f"{tmp_path / name}: no such file; put it there, or name the file of a folder or "
        f"repository by {PLACE}.file"
    )
    said = complaint(weights(folder), PLACE)
    assert said == f"{folder}: is a folder; name the file in it by {PLACE}.file"


def test_what_is_not_here_comes_from_the_hub_at_its_revision(folder, hub):
    pinned = weights("someone/model", revision=COMMIT)
    assert locate(pinned, PLACE, FILES).path == folder
    assert hub == [("someone/model", name, COMMIT) for name in FILES]
    one = weights("someone/model", file="vae/config.json", revision=COMMIT)
    assert locate(one, PLACE).path == folder / "vae/config.json"
    assert hub[-1] == ("someone/model", "vae/config.json", COMMIT)
    of_folder = weights("someone/model", file="vae", revision=COMMIT)
    assert locate(of_folder, PLACE, FILES).path == folder / "vae"


def test_what_the_hub_does_not_give_is_named(hub):
    said = complaint(weights("someone/model", revision=OTHER), PLACE, FILES)
    assert said == (
        f"{PLACE}.source = 'someone/model': not here, and the hub does not give config.json at "
        f"{OTHER} (Revision Not Found for url: https://hub); point {PLACE}.source at a folder that "
        "holds config.json and model.safetensors"
    )
    said = complaint(weights("someone/model", file="other.pt", revision=COMMIT), PLACE)
    assert f"does not give other.pt at {COMMIT} (Entry Not Found)" in said


def test_a_hub_that_is_slow_to_answer_is_left_to_the_download(hub, folder, monkeypatch):
    def slow(request):
        raise ReadTimeout("slow")

    session = Client(transport=MockTransport(slow))
    monkeypatch.setattr(huggingface_hub, "get_session", lambda: session)
    assert locate(weights("someone/model", revision=COMMIT), PLACE, FILES).path == folder


def test_a_hub_out_of_reach_is_told_at_once_in_one_line(tmp_path):
    away = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, **away}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    said, seconds = done.stdout.splitlines()
    assert said.startswith(f"{PLACE}.source = 'someone/model': not here, and the hub does not give")
    assert "Connection refused" in said
    assert said.endswith(f"{PLACE}.source at a folder that holds config.json and model.safetensors")
    assert done.stderr == ""
    assert float(seconds) < 15


def test_what_the_hub_s_cache_holds_needs_no_network(tmp_path, monkeypatch):
    held = tmp_path / "models--someone--model" / "snapshots" / COMMIT
    held.mkdir(parents=True)
    for name in FILES:
        (held / name).write_text(name)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub, "get_session", None)
    assert locate(weights("someone/model", revision=COMMIT), PLACE, FILES).path == held


def test_what_comes_from_the_hub_is_pinned_to_a_commit(hub):
    with pytest.raises(ParamsError) as caught:
        locate(weights("someone/model"), PLACE, FILES)
    assert str(caught.value) == (
        f"{PLACE}.revision = null, and someone/model is not here: set it to the commit of the "
        f"hub's repository that is wanted, or point {PLACE}.source at a folder that holds "
        "config.json and model.safetensors"
    )
    assert hub == []
    with pytest.raises(ValidationError, match="revision"):
        weights("someone/model", revision="main")


def test_without_a_network_and_for_a_path_that_is_no_name_it_says_so_too(monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    said = complaint(weights("someone/model", revision=COMMIT), PLACE, FILES)
    assert f"the hub does not give config.json at {COMMIT}" in said
    said = complaint(weights(tmp_path / "none.pt", file="none.pt", revision=COMMIT), PLACE)
    assert f"'{tmp_path}/none.pt': not here" in said
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("files", [(), FILES])
def test_remembered_weights_are_found_again_without_a_copy(folder, tmp_path, files):
    located = locate(weights(folder if files else folder / "config.json"), PLACE, files)
    codec = tmp_path / "codec"
    codec.mkdir()
    write_pointer(codec, located)
    assert [path.name for path in codec.iterdir()] == [POINTER]
    assert locate_again(codec) == located


def test_a_codec_of_the_hub_s_weights_names_no_path_of_a_machine(folder, hub, tmp_path):
    write_pointer(tmp_path, locate(weights("someone/model", revision=COMMIT), PLACE, FILES))
    assert str(folder) not in (tmp_path / POINTER).read_text()
    said = json.loads((tmp_path / POINTER).read_text())["weights"]
    assert (said["source"], said["revision"]) == ("someone/model", COMMIT)
    assert locate_again(tmp_path).path == folder


def test_weights_that_vanished_or_changed_are_named(folder, tmp_path):
    path = folder / "model.safetensors"
    write_pointer(tmp_path, locate(weights(folder), PLACE, FILES))
    content = path.read_bytes()
    path.write_bytes(content[::-1])
    with pytest.raises(DataError, match=f"{folder}: not the weights that {tmp_path} was made with"):
        locate_again(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match=rf"{path}: no such file; .* {PLACE}.source"):
        locate_again(tmp_path)
