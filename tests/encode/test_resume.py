"""Killed or out of room while encoding, the next run goes on where it stopped."""

import errno
import os
import shutil
import signal
import subprocess
import sys

import pytest
import yaml
from encode_helpers import encoded
from helpers import PARAMS, ROOT, default, make_episode
from ingest_helpers import ingested

from pipeline import encoders
from pipeline.compute import device
from pipeline.encode.shard import Saved
from pipeline.encoders import ENCODERS
from pipeline.errors import DataError
from pipeline.fit.fit import sample
from pipeline.latents import writer
from pipeline.latents.cache import open_cache

SHARDS = 10
KILLER = """
import os, signal, sys

seen = []

def watch(event, args):
    if event == "os.rename" and "/.encoded/" in str(args[1]) and "KILL_AT" in os.environ:
        seen.append(event)
        if len(seen) == int(os.environ["KILL_AT"]):
            os.killpg(0, signal.SIGKILL)

sys.addaudithook(watch)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Shards for ten shards of latents, a codec, and a killer for Python's path."""
    path = tmp_path_factory.mktemp("resume")
    episodes = [make_episode(f"episode_{i:02d}", length=60) for i in range(10)]
    ingested(episodes, path / "shards", episodes_per_shard=4, train_share=0.7)
    module, chosen = default(ENCODERS, "patch_pca", patch=4, components=3)
    frames = sample(path / "shards", "train", 1000, 1).frames
    encoders.save(module.fit(frames, chosen, 0), "patch_pca", chosen.model_dump(), path / "codec")
    (path / "site").mkdir()
    (path / "site/sitecustomize.py").write_text(KILLER)
    return path


def run(folder, out, workers, **environment):
    """The command, in a process group of its own."""
    values = {**PARAMS, "cluster": {"workers": workers, "ray": None}}
    params = out.with_suffix(".yaml")
    params.write_text(yaml.safe_dump(values))
    words = [folder / "shards", folder / "codec", out, out.with_suffix(".json")]
    return subprocess.run(
        [sys.executable, "-m", "pipeline.encode", *words, "--params", params],
        env={**os.environ, "PYTHONPATH": f"{folder / 'site'}:{ROOT}", **environment},
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )


def content(path):
    return {p.relative_to(path): p.read_bytes() for p in path.rglob("*") if p.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_with_sigkill_it_resumes_and_ends_with_the_same_bytes(folder, tmp_path, workers):
    clean, out = tmp_path / "clean.zarr", tmp_path / "killed.zarr"
    encoded(
        folder / "shards",
        Saved(folder / "codec"),
        clean,
        name="patch_pca",
        digest=encoders.digest(folder / "codec"),
    )
    killed = run(folder, out, workers, KILL_AT="4")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not out.exists()
    marks = list((tmp_path / ".killed.zarr.partial/.encoded").glob("*.json"))
    assert len(marks) == 3 if workers == 1 else 3 <= len(marks) < SHARDS
    resumed = run(folder, out, workers)
    assert f"encode: resuming after {len(marks)} of {SHARDS} shards" in resumed.stdout
    assert content(out) == content(clean)
    assert not list(tmp_path.rglob("*.partial"))


@pytest.fixture
def full(monkeypatch):
    """A disk that has room for two shards."""
    put, done = writer.write_rows, []

    def fail(*arguments):
        if len(done) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        done.append(put(*arguments))

    monkeypatch.setattr(writer, "write_rows", fail)


def start(folder, out, **changes):
    encoded(folder / "shards", Saved(folder / "codec"), out, **changes)


def test_a_full_disk_is_one_line_and_loses_nothing(folder, tmp_path, full, monkeypatch, capsys):
    told = r"latents.zarr: the disk is full, .* MB, .* make room and run it again"
    with pytest.raises(DataError, match=told):
        start(folder, tmp_path / "latents.zarr")
    monkeypatch.undo()
    start(folder, tmp_path / "latents.zarr")
    assert f"encode: resuming after 2 of {SHARDS} shards" in capsys.readouterr().out
    start(folder, tmp_path / "clean.zarr")
    assert content(tmp_path / "latents.zarr") == content(tmp_path / "clean.zarr")


@pytest.mark.parametrize(
    ("name", "content", "kept"),
    [
        (".encoded/000001.json", b"", 1),
        (".encoded/000001.json", bytes(80), 1),
        (".encoded/000001.json", b'{"total": [NaN]}', 1),
        (".encoded/000001.json", b"[" * 99_999, 1),
        ("zarr.json", b"{", 0),
        ("zarr.json", b'{"zarr_format": 3, "node_type": "group", "more": 1}', 0),
        ("mean/zarr.json", bytes(80), 0),
    ],
)
def test_what_a_killed_run_left_damaged_is_encoded_again(
    folder, tmp_path, full, monkeypatch, capsys, name, content, kept
):
    with pytest.raises(DataError):
        start(folder, tmp_path / "latents.zarr")
    monkeypatch.undo()
    (tmp_path / ".latents.zarr.partial" / name).write_bytes(content)
    start(folder, tmp_path / "latents.zarr")
    resumed = f"encode: resuming after {kept} of {SHARDS} shards"
    assert (resumed in capsys.readouterr().out) == bool(kept)
    assert len(open_cache(tmp_path / "latents.zarr").mean[:]) == 600


def test_a_file_where_an_array_should_be_is_no_array(folder, tmp_path, full, monkeypatch):
    with pytest.raises(DataError):
        start(folder, tmp_path / "latents.zarr")
    monkeypatch.undo()
    array = tmp_path / ".latents.zarr.partial/mean"
    shutil.rmtree(array)
    array.write_bytes(b"x")
    start(folder, tmp_path / "latents.zarr")
    assert len(open_cache(tmp_path / "latents.zarr").mean[:]) == 600


@pytest.mark.parametrize("changes", [{"storage": "int8"}, {"batch": 7}, {"digest": "another"}])
def test_what_was_encoded_in_another_way_is_not_resumed(
    folder, tmp_path, full, monkeypatch, capsys, changes
):
    with pytest.raises(DataError):
        start(folder, tmp_path / "latents.zarr")
    monkeypatch.undo()
    start(folder, tmp_path / "latents.zarr", **changes)
    assert "resuming" not in capsys.readouterr().out
    start(folder, tmp_path / "clean.zarr", **changes)
    assert content(tmp_path / "latents.zarr") == content(tmp_path / "clean.zarr")


def test_what_another_processor_encodes_in_another_precision_is_not_resumed(
    folder, tmp_path, full, monkeypatch, capsys
):
    monkeypatch.setattr(device, "computes_bfloat16", lambda where: True)
    with pytest.raises(DataError):
        start(folder, tmp_path / "latents.zarr")
    monkeypatch.undo()
    monkeypatch.setattr(device, "computes_bfloat16", lambda where: False)
    start(folder, tmp_path / "latents.zarr")
    assert "resuming" not in capsys.readouterr().out
    start(folder, tmp_path / "clean.zarr")
    assert content(tmp_path / "latents.zarr") == content(tmp_path / "clean.zarr")
