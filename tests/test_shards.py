"""Damaged shards are noticed and named; members are never unpickled."""

import gc
import io
import pickle
import tarfile
import warnings

import pytest
import webdataset
from helpers import make_episode
from ingest_helpers import ingested

from pipeline import shards
from pipeline.errors import DataError
from pipeline.manifest import Manifest, read_manifest


@pytest.fixture
def folder(tmp_path):
    episodes = [make_episode(f"episode_{i:03d}") for i in range(6)]
    ingested(episodes, tmp_path / "shards", train_share=0.7)
    return tmp_path / "shards"


def test_webdataset_itself_can_read_them(folder):
    url = str(folder / "train-000000.tar")
    with warnings.catch_warnings(action="ignore"):  # webdataset leaves the closing to chance
        samples = list(webdataset.WebDataset(url, shardshuffle=False).decode())
        gc.collect()
    assert samples[0]["frames.npz"]["frames"].shape == (12, 16, 16, 3)
    assert samples[0]["meta.json"] == {"door": 30.0, "wall": 32.0}


def test_a_truncated_tar_is_named_with_its_sizes(folder):
    tar = folder / "train-000000.tar"
    whole = tar.read_bytes()
    tar.write_bytes(whole[:5000])
    with pytest.raises(DataError, match=rf"train-000000.tar: has 5000 of {len(whole)} bytes; rest"):
        list(shards.read(folder))


def test_a_damaged_tar_of_the_right_size_is_named(folder):
    tar = folder / "train-000000.tar"
    content = bytearray(tar.read_bytes())
    content[3000:3200] = bytes(200)
    tar.write_bytes(content)
    with pytest.raises(DataError, match=r"train-000000.tar: damaged after \d episodes"):
        list(shards.read(folder))


def test_a_missing_tar_and_a_missing_manifest_are_named(folder):
    (folder / "val-000000.tar").unlink()
    with pytest.raises(DataError, match=r"val-000000.tar: has 0 of"):
        read_manifest(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(DataError, match=r"manifest.json: no such file; run `dvc repro ingest`"):
        read_manifest(folder)


def test_a_damaged_manifest_is_named(folder):
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(DataError, match=r"manifest.json: .*run `dvc repro -f ingest`"):
        read_manifest(folder)


class Explosive:
    def __reduce__(self):
        return (pytest.fail, ("a member of a shard was unpickled",))


def test_a_pickle_inside_a_shard_is_never_run(folder):
    tar = folder / "train-000000.tar"
    buffer = io.BytesIO()
    with tarfile.open(tar) as old, tarfile.open(fileobj=buffer, mode="w") as new:
        for member in old.getmembers():
            content = old.extractfile(member).read()
            if member.name.endswith("actions.npy"):
                content = pickle.dumps(Explosive())
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    tar.write_bytes(buffer.getvalue())
    manifest = folder / "manifest.json"
    sizes = manifest.read_text()
    shard = Manifest.model_validate_json(sizes).shards[0]
    manifest.write_text(sizes.replace(f'"bytes": {shard.bytes}', f'"bytes": {tar.stat().st_size}'))
    with pytest.raises(DataError, match=r"train-000000.tar: damaged after 0 episodes"):
        list(shards.read(folder))
