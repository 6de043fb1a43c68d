"""CSGO's official split, and the validation start of each test recording."""

import numpy as np
import pytest
from csgo_helpers import copies, keys, layout, record, write_lists
from dataset_helpers import example_episode
from helpers import default

from pipeline.episodes.episode import Episode
from pipeline.errors import DataError
from pipeline.formats import FORMATS
from pipeline.formats.csgo import lists


@pytest.fixture
def first(tmp_path):
    return record(tmp_path / "raw")


@pytest.fixture
def raw(first):
    return first.parent.parent


@pytest.fixture
def official(tmp_path):
    """Nine recordings listed, the test list in no order: 4 starts at 40, 6 at 60, 10 at 100."""
    write_lists(tmp_path / "lists", [1, 2, 3, 5, 7, 8], [10, 4, 6], [40, 60, 100])
    return tmp_path / "lists"


def test_a_start_belongs_to_the_name_of_its_numeric_rank(first, raw, official):
    copies(first, 2, 3, 4, 5, 6, 7, 8, 10)
    source = layout(official).open(raw)
    assert keys(source, source.split.train) == [1, 2, 3, 5, 7, 8]
    assert keys(source, source.split.val) == [4, 6, 10]
    starts = [source[index].meta for index in source.split.val]
    assert starts == [{"validation_start": start} for start in (40, 60, 100)]
    assert source[source.split.train[0]].meta == {}


def test_listed_files_that_are_missing_are_refused_alone(first, raw, official):
    copies(first, 5, 6, 10)
    source = layout(official).open(raw)
    assert keys(source, source.split.train) == [1, 2, 3, 5, 7, 8]
    four, six, ten = source.split.val
    assert [source[index].meta["validation_start"] for index in (six, ten)] == [60, 100]
    with pytest.raises(DataError, match=r"july2021_4.hdf5: no such file; fetch it or take it off"):
        source[four]


@pytest.mark.parametrize(("train", "test"), [([1, 1, 2], [4]), ([1, 2], [4, 4]), ([1, 2, 4], [4])])
def test_a_recording_that_is_listed_twice_is_refused_alone(train, test, first, raw, tmp_path):
    copies(first, 2, 4)
    write_lists(tmp_path / "lists", train, test, [40] * len(test))
    source = layout(tmp_path / "lists").open(raw)
    assert keys(source, range(3)) == [1, 2, 4]
    (repeated,) = {n for n in (1, 4) if [*train, *test].count(n) > 1}
    with pytest.raises(DataError, match=rf"july2021_{repeated}.hdf5: .* name it more than once"):
        source[{1: 0, 4: 2}[repeated]]
    assert len(source[1]) == len(source[{1: 2, 4: 0}[repeated]])


def test_a_file_in_no_list_is_no_part_of_the_set(first, raw, official):
    copies(first, 4, 9)
    source = layout(official).open(raw)
    assert keys(source, range(len(source))) == [1, 2, 3, 4, 5, 6, 7, 8, 10]


def test_lists_beside_the_data_split_it(first, raw):
    copies(first, 2)
    write_lists(raw, [1], [2], [3])
    source = layout().open(raw)
    assert (source.split.train, source.split.val) == ([0], [1])


def test_lists_of_the_options_are_preferred_to_those_beside_the_data(first, raw, official):
    copies(first, 4)
    write_lists(raw, [4], [1], [3])
    source = layout(official).open(raw)
    assert keys(source, source.split.val) == [4, 6, 10]


def test_episodes_with_a_validation_start_are_written_into_the_test_list(tmp_path):
    episodes = [example_episode("csgo", index, 3) for index in range(3)]
    test = Episode("x", episodes[1].frames, episodes[1].actions, episodes[1].states,
                   {"validation_start": 2})  # fmt: skip
    layout().write([episodes[0], test, episodes[2]], tmp_path)
    assert (tmp_path / "train_split.txt").read_text().split() == [
        "hdf5_dm_july2021_1.hdf5", "hdf5_dm_july2021_3.hdf5",
    ]  # fmt: skip
    assert (tmp_path / "test_split.txt").read_text() == "hdf5_dm_july2021_2.hdf5\n"
    starts = np.load(tmp_path / "csgo_validation_start_indices.npy")
    assert (starts.tolist(), starts.dtype) == ([2], np.int64)
    source = layout().open(tmp_path)
    assert [source[index].meta for index in range(3)] == [{}, {"validation_start": 2}, {}]


def test_a_set_without_validation_starts_is_split_by_share(raw):
    assert not lists.exist(raw)
    assert layout().open(raw).split is None


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (
            lists.TEST,
            "hdf5_dm_july2021_4.hdf5\n\nclip_6.mp4\n",
            r"line 3 is 'clip_6.mp4', expected",
        ),
        (lists.TEST, "hdf5_dm_july2021_4.hdf5\n", r"indices.npy: holds 3 starts for 1 names"),
        (lists.STARTS, "no array", r"indices.npy: damaged"),
    ],
)
def test_a_wrong_list(file, content, message, raw, official):
    (official / file).write_text(content)
    with pytest.raises(DataError, match=message):
        layout(official).open(raw)


@pytest.mark.parametrize("starts", [[1.5, 2.0, 3.0], [[1], [2], [3]], [1, -2, 3]])
def test_starts_that_are_no_frame_numbers(starts, raw, official):
    np.save(official / lists.STARTS, np.array(starts))
    with pytest.raises(DataError, match=r"indices.npy: expected a 1-D array of integers >= 0"):
        layout(official).open(raw)


def test_pickled_starts_are_refused(raw, official):
    np.save(official / lists.STARTS, np.array([1, None, 3], object), allow_pickle=True)
    with pytest.raises(DataError, match=r"indices.npy: damaged \(.*allow_pickle"):
        layout(official).open(raw)


@pytest.mark.parametrize("file", [lists.TRAIN, lists.TEST, lists.STARTS])
def test_a_list_without_the_others(file, raw, official):
    (official / file).unlink()
    with pytest.raises(DataError, match=rf"{file}: no such file; the split needs"):
        layout(official).open(raw)


def test_lists_of_which_one_names_no_file_that_exists(first, raw, official):
    with pytest.raises(
        DataError, match=r"none of the files that test_split.txt names; add one, .*july2021_4"
    ):
        layout(official).open(raw)


def test_the_reference_assigns_starts_to_shuffled_recordings():
    # numpy.random.seed(42) shuffles 0..3 to 1, 3, 0, 2: the second recording gets the first start.
    shuffled = lists.Lists([1], {3: 30, 5: 50, 19: 190, 28: 280}).shuffled()
    assert shuffled == lists.Lists([1], {5: 30, 28: 50, 3: 190, 19: 280})


def test_the_assignment_of_starts_is_an_option():
    module, options = default(FORMATS, "csgo")
    assert not module.build(options).shuffled
    assert module.build(options.model_copy(update={"starts": "shuffled"})).shuffled
