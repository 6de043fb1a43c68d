"""Damaged shards are noticed and named; members are never unpickled."""

import gc
import io
import json
import pickle
import tarfile
import warnings

import numpy as np
import pytest
import webdataset
from helpers import make_episode
from ingest_helpers import ingested

from pipeline.episodes import frame_formats, shards
from pipeline.episodes.manifest import Manifest, read_manifest
from pipeline.errors import DataError


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


def test_episodes_are_selected_by_name_in_the_order_of_the_manifest(folder):
    keys = [episode.key for episode in shards.read(folder)]
    selected = list(shards.select(folder, [keys[5], keys[1]]))
    assert [episode.key for episode in selected] == [keys[1], keys[5]]
    expected = [episode for episode in shards.read(folder) if episode.key in (keys[1], keys[5])]
    for ours, theirs in zip(selected, expected, strict=True):
        np.testing.assert_array_equal(ours.frames, theirs.frames)
        np.testing.assert_array_equal(ours.states, theirs.states)


def test_only_selected_frames_are_decoded(folder, monkeypatch):
    decoded, unpack = [], frame_formats.unpack
    monkeypatch.setattr(
        frame_formats, "unpack", lambda *words: decoded.append(words[-2]) or unpack(*words)
    )
    (episode,) = shards.select(folder, ["episode_003"])
    assert [place.split("/")[-1] for place in decoded] == ["episode_003.frames.npz"]
    tables = list(shards.tables(folder))
    assert len(decoded) == 1
    table = next(table for table in tables if table.key == "episode_003")
    np.testing.assert_array_equal(table.actions, episode.actions)
    np.testing.assert_array_equal(table.states, episode.states)
    assert table.meta == episode.meta


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


def test_selected_episodes_equal_those_of_reading_all_in_the_same_order(folder):
    everyone = {episode.key: episode for episode in shards.read(folder)}
    keys = list(everyone)
    for chosen in ([keys[4], keys[1]], keys, [keys[2]] * 2, []):
        selected = list(shards.select(folder, chosen))
        assert [episode.key for episode in selected] == [key for key in keys if key in chosen]
        for episode in selected:
            np.testing.assert_array_equal(episode.frames, everyone[episode.key].frames)
            np.testing.assert_array_equal(episode.actions, everyone[episode.key].actions)


def test_selecting_decodes_no_other_episode(folder, monkeypatch):
    keys, unpacked = [episode.key for episode in shards.read(folder)], []
    genuine = frame_formats.unpack
    monkeypatch.setattr(
        frame_formats, "unpack", lambda *words: unpacked.append(words[3]) or genuine(*words)
    )
    list(shards.select(folder, [keys[1], keys[5]]))
    assert [place.split("/")[-1].split(".")[0] for place in unpacked] == [keys[1], keys[5]]


def test_a_tar_that_lacks_a_selected_episode_is_named(folder):
    manifest = folder / "manifest.json"
    key = next(shards.read(folder)).key
    manifest.write_text(manifest.read_text().replace(f'"{key}"', '"gone"'))
    with pytest.raises(DataError, match=r"0.tar: holds 4 episodes, its manifest lists 4"):
        list(shards.select(folder, ["gone"]))


class Explosive:
    def __reduce__(self):
        return (pytest.fail, ("a member of a shard was unpickled",))


def test_a_pickle_inside_a_shard_is_never_run(folder):
    explosive = pickle.dumps(Explosive())
    retarred(folder, lambda m, content: explosive if m.name.endswith("actions.npy") else content)
    with pytest.raises(DataError, match=r"train-000000.tar: damaged after 0 episodes"):
        list(shards.read(folder))


def retarred(folder, change):
    """Replace the first tar by one whose members went through `change`, of the listed size."""
    tar, manifest = folder / "train-000000.tar", folder / "manifest.json"
    buffer = io.BytesIO()
    with tarfile.open(tar) as old, tarfile.open(fileobj=buffer, mode="w") as new:
        for member in old.getmembers():
            content = change(member, old.extractfile(member).read())
            if member.isreg() and content is not None:
                member.size = len(content)
            new.addfile(member, None if content is None else io.BytesIO(content))
    tar.write_bytes(buffer.getvalue())
    listed = manifest.read_text()
    shard = Manifest.model_validate_json(listed).shards[0]
    size = tar.stat().st_size
    manifest.write_text(listed.replace(f'"bytes": {shard.bytes}', f'"bytes": {size}'))


def link_to_itself(member, content):
    if member.name.endswith("actions.npy"):
        member.type, member.linkname = tarfile.SYMTYPE, member.name
        return None
    return content


def meta(text):
    return lambda member, content: text if member.name.endswith("meta.json") else content


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (link_to_itself, "is no file"),
        (meta(b"[" * 99_999), "recursion limit exceeded"),
        (meta(b'{"door": true}'), "door.float = True: "),
        (meta(b""), "Invalid JSON"),
    ],
)
def test_a_member_that_is_not_ours_is_named(folder, change, reason):
    retarred(folder, change)
    with pytest.raises(
        DataError, match=rf"train-000000.tar: damaged after 0 episodes \(.*{reason}"
    ):
        list(shards.tables(folder))


def test_a_tar_that_leads_back_into_itself_ends(folder):
    tar = folder / "train-000000.tar"
    content = bytearray(tar.read_bytes())
    with tarfile.open(tar) as archive:
        header = archive.getmembers()[1].offset
    content[header + 124 : header + 136] = tarfile.itn(-1024, 12, tarfile.GNU_FORMAT)
    content[header + 148 : header + 156] = b" " * 8
    total = sum(content[header : header + 512])
    content[header + 148 : header + 156] = f"{total:06o}\0 ".encode()
    tar.write_bytes(content)
    with pytest.raises(DataError, match=r"train-000000.tar: damaged after 0 .* claims -1024 bytes"):
        list(shards.read(folder))


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ('"name": "', '"name": "../', "shards.0.name = '../"),
        ('"frames": ', '"frames": 9', "shards hold "),
        ('"lengths": [', '"lengths": [-1, ', "shards.0.lengths.0 = -1"),
        ('"frame_shape": [', '"frame_shape": [99999999', "frame_shape.0 = 99999999"),
    ],
)
def test_a_manifest_that_is_not_ours_is_refused(folder, before, after, reason):
    manifest = folder / "manifest.json"
    text = json.dumps(json.loads(manifest.read_text()))
    assert before in text
    manifest.write_text(text.replace(before, after, 1))
    with pytest.raises(DataError) as caught:
        read_manifest(folder)
    assert str(caught.value).startswith(f"{manifest}: damaged ({reason}")


@pytest.mark.parametrize("statistic", ["mean", "std", "min", "max"])
def test_statistics_of_other_actions_are_refused(folder, statistic):
    """So are those of a latent cache and of a model, by the same check."""
    content = json.loads((folder / "manifest.json").read_text())
    content["actions"][statistic].append(0.0)
    (folder / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=rf"actions.{statistic} must have one number for each of"):
        read_manifest(folder)
