"""Every layout gives back what was written, and says what is wrong with what it cannot read."""

import hashlib
import os
import pickle

import numpy as np
import pytest
import torch
from helpers import default, every

from pipeline.errors import DataError
from pipeline.variants import DATASETS, WORLDS


@pytest.fixture(params=every(DATASETS))
def name(request):
    return request.param


@pytest.fixture
def episodes(name):
    module, options = default(WORLDS, name)
    return list(module.build(options).collect(3, 12, seed=0))


@pytest.fixture
def dataset(name):
    module, options = default(DATASETS, name)
    return module.build(options)


def test_written_episodes_are_read_back_equal(dataset, episodes, tmp_path):
    dataset.write(episodes, tmp_path / "raw")
    read = dataset.open(tmp_path / "raw")
    assert len(read) == len(episodes)
    for ours, theirs in zip(read, episodes, strict=True):
        assert ours.key == theirs.key
        assert ours.meta == theirs.meta
        for field in ("frames", "actions", "states"):
            np.testing.assert_array_equal(getattr(ours, field), getattr(theirs, field))


def test_the_same_episodes_give_the_same_bytes(dataset, episodes, tmp_path):
    digests = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        dataset.write(episodes, folder)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in files])
    assert digests[0] == digests[1]


def test_a_missing_folder_is_named_with_the_way_out(dataset, tmp_path):
    with pytest.raises(DataError, match=r"absent: no such folder; run `dvc repro collect`"):
        dataset.open(tmp_path / "absent")


def test_an_empty_folder_names_the_first_file_that_it_lacks(dataset, tmp_path):
    with pytest.raises(DataError, match=r"no such file; the wall_single layout needs it"):
        dataset.open(tmp_path)


class Malicious:
    def __reduce__(self):
        return (os.system, ("touch pwned",))


@pytest.mark.parametrize("file", ["states.pth", "obses/episode_000.pth"])
def test_a_malicious_pickle_is_refused_and_never_run(
    file, dataset, episodes, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    dataset.write(episodes, tmp_path / "raw")
    torch.save(Malicious(), tmp_path / "raw" / file)
    with pytest.raises(DataError, match=f"{file}: holds more than tensors; refused"):
        dataset.open(tmp_path / "raw")[0]
    (tmp_path / "raw" / file).write_bytes(pickle.dumps(Malicious()))
    with pytest.raises(DataError, match=file):
        dataset.open(tmp_path / "raw")[0]
    assert not (tmp_path / "pwned").exists()


def test_a_truncated_file_is_named(dataset, episodes, tmp_path):
    dataset.write(episodes, tmp_path)
    path = tmp_path / "obses" / "episode_001.pth"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"episode_001.pth: damaged"):
        dataset.open(tmp_path)[1]


def test_tables_that_disagree_are_refused(dataset, episodes, tmp_path):
    dataset.write(episodes, tmp_path)
    torch.save(torch.zeros(2, 12, 2), tmp_path / "states.pth")
    with pytest.raises(DataError, match=r"its tables hold \[2, 3\] episodes; they must agree"):
        dataset.open(tmp_path)


def test_states_longer_than_the_frames_are_refused(dataset, episodes, tmp_path):
    dataset.write(episodes, tmp_path)
    torch.save(torch.zeros(3, 13, 2), tmp_path / "states.pth")
    with pytest.raises(DataError, match=r"episode_000: 13 states but 12 frames"):
        dataset.open(tmp_path)[0]


def test_nan_actions_are_refused(dataset, episodes, tmp_path):
    dataset.write(episodes, tmp_path)
    torch.save(torch.full((3, 12, 2), torch.nan), tmp_path / "actions.pth")
    with pytest.raises(DataError, match="episode_000: actions hold NaN"):
        dataset.open(tmp_path)[0]


def test_frames_as_whole_floats_are_read_and_others_refused(dataset, episodes, tmp_path):
    dataset.write(episodes, tmp_path)
    path = tmp_path / "obses" / "episode_000.pth"
    frames = torch.load(path, weights_only=True).float()
    torch.save(frames, path)
    np.testing.assert_array_equal(dataset.open(tmp_path)[0].frames, episodes[0].frames)
    torch.save(frames / 255, path)
    with pytest.raises(DataError, match=r"not whole numbers in 0..255"):
        dataset.open(tmp_path)[0]


def test_the_wall_layout_is_as_published(episodes, tmp_path):
    module, options = default(DATASETS, "wall")
    module.build(options).write(episodes, tmp_path)
    shapes = {
        name: tuple(torch.load(tmp_path / f"{name}.pth", weights_only=True).shape)
        for name in ("states", "actions", "door_locations", "wall_locations")
    }
    assert shapes["states"] == shapes["actions"] == (3, 12, 2)
    assert shapes["door_locations"] == shapes["wall_locations"] == (3, 12)
    frames = torch.load(tmp_path / "obses" / "episode_002.pth", weights_only=True)
    assert frames.dtype == torch.uint8
    assert tuple(frames.shape) == (12, 3, 64, 64)
