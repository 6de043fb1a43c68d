"""Every layout keeps the promises of `pipeline.datasets.Dataset`."""

import pickle
import weakref

import numpy as np
import pytest
from dataset_helpers import EXAMPLES, LENGTHS, example_episodes, layout
from helpers import every

from pipeline.datasets import OfficialSplit
from pipeline.episodes import video
from pipeline.errors import DataError
from pipeline.families import DATASETS


@pytest.fixture(params=every(DATASETS))
def name(request):
    assert request.param in EXAMPLES, "add what its episodes look like to dataset_helpers.EXAMPLES"
    return request.param


@pytest.fixture
def dataset(name):
    return layout(name)


@pytest.fixture
def raw(name, dataset, tmp_path):
    dataset.write(example_episodes(name), tmp_path / "raw")
    return tmp_path / "raw"


def assert_same(ours, theirs):
    assert ours.key == theirs.key
    assert ours.meta == theirs.meta
    assert ours.video == theirs.video
    for field in ("frames", "actions", "states"):
        np.testing.assert_array_equal(getattr(ours, field), getattr(theirs, field))


def test_written_episodes_are_read_back_equal(name, dataset, raw):
    source = dataset.open(raw)
    assert len(source) == len(LENGTHS)
    for index, written in enumerate(example_episodes(name)):
        read = source[index]
        np.testing.assert_array_equal(read.actions, written.actions)
        np.testing.assert_array_equal(read.states, written.states)
        assert read.meta.items() >= written.meta.items()
        assert read.frames.shape == written.frames.shape
        lost = np.abs(read.frames.astype(float) - written.frames).mean((1, 2, 3))
        assert lost.max() <= EXAMPLES[name].loss


def test_frames_of_an_episode_are_those_of_its_video(dataset, raw):
    source = dataset.open(raw)
    for index in range(len(source)):
        read = source[index]
        if read.video is not None:
            decoded = video.decode(read.video, read.key, len(read))
            np.testing.assert_array_equal(decoded, read.frames)


def test_the_same_episodes_give_the_same_bytes(name, dataset, raw, tmp_path):
    dataset.write(example_episodes(name), tmp_path / "again")
    names = sorted(path.relative_to(raw) for path in raw.rglob("*"))
    again = sorted(path.relative_to(tmp_path / "again") for path in (tmp_path / "again").rglob("*"))
    assert names == again
    for path in names:
        if (raw / path).is_file():
            assert (raw / path).read_bytes() == (tmp_path / "again" / path).read_bytes(), path


def test_writing_holds_the_frames_of_one_episode_at_a_time(name, dataset, tmp_path):
    alive = []

    def watched():
        for episode in example_episodes(name, (3, 3, 3, 3, 3)):
            alive.append(weakref.ref(episode.frames))
            yield episode
            # The writer's own variable and ours may still name the last two.
            assert sum(frames() is not None for frames in alive) <= 2

    dataset.write(watched(), tmp_path / "raw")
    assert len(alive) == 5


def test_the_key_of_an_episode_is_known_without_reading_it_and_is_its_alone(dataset, raw):
    source = dataset.open(raw)
    keys = [source.key(index) for index in range(len(source))]
    assert keys == [source[index].key for index in range(len(source))]
    assert len(set(keys)) == len(keys)
    assert not any(set("./ ") & set(key) for key in keys)


def test_a_pickled_source_reads_the_same(dataset, raw):
    source = dataset.open(raw)
    other = pickle.loads(pickle.dumps(source))
    assert (len(other), other.split) == (len(source), source.split)
    for index in range(len(source)):
        assert_same(other[index], source[index])


def test_a_pickled_source_holds_no_episode(name, dataset, tmp_path):
    sizes = []
    for length in (5, 60):
        dataset.write(example_episodes(name, (length, length)), tmp_path / str(length))
        sizes.append(len(pickle.dumps(dataset.open(tmp_path / str(length)))))
    assert sizes[1] < sizes[0] + 100


def test_there_is_no_episode_beyond_the_last(dataset, raw):
    source = dataset.open(raw)
    with pytest.raises(IndexError):
        source[len(source)]


def test_a_published_split_has_every_episode_once(dataset, raw):
    source = dataset.open(raw)
    if source.split is None:
        return
    assert isinstance(source.split, OfficialSplit)
    assert sorted(source.split.train + source.split.val) == list(range(len(source)))


def test_the_interval_is_a_number_of_steps(dataset):
    assert dataset.interval >= 1


def test_a_missing_folder_is_named_with_the_way_out(dataset, tmp_path):
    with pytest.raises(DataError, match=r"absent: no such folder; run `dvc repro collect`"):
        dataset.open(tmp_path / "absent")


def test_an_empty_folder_is_refused_by_name(dataset, tmp_path):
    with pytest.raises(DataError, match=str(tmp_path)):
        dataset.open(tmp_path)
