"""CSGO's files against cases worked out by hand."""

import shutil

import h5py
import numpy as np
import pytest
from csgo_helpers import copies, keys, layout, place, record
from dataset_helpers import example_episode

from pipeline.episodes.csgo_actions import Controls, encode
from pipeline.episodes.episode import Episode
from pipeline.errors import DataError


@pytest.fixture
def first(tmp_path):
    return record(tmp_path / "raw")


@pytest.fixture
def raw(first):
    return first.parent.parent


def test_a_file_holds_four_arrays_a_step_of_the_published_types(first):
    with h5py.File(first) as file:
        assert len(file) == 4 * 4
        for name, shape, dtype in (
            ("x", (150, 280, 3), "uint8"),
            ("y", (51,), "float64"),
            ("xaux", (54,), "float64"),
            ("helperarr", (2,), "float64"),
        ):
            for step in range(4):
                array = file[f"frame_{step}_{name}"]
                assert (array.shape, array.dtype) == (shape, dtype)
                assert array.chunks is None
                assert array.compression is None


def test_frames_lie_on_disk_blue_first(first):
    with h5py.File(first) as file:
        stored = file["frame_2_x"][:]
    np.testing.assert_array_equal(stored[..., ::-1], example_episode("csgo", 0, 4).frames[2])


def test_xaux_holds_the_three_previous_steps(tmp_path):
    controls = [
        Controls(frozenset("w"), frozenset(), 100, -20),
        Controls(frozenset(["r"]), frozenset(["left"]), 0, 0),
        Controls(frozenset(), frozenset(["right"]), -1000, 200),
        Controls(),
        Controls(),
    ]
    states = np.float32([[0, 0, 0, 0, 0], [80, 15, 1, 1, 0], [60, 30, 1, 0, 0], [0, 3, 0, 0, 1]])
    states = np.concatenate([states, states[-1:]])
    actions = np.stack([encode(each) for each in controls])
    frames = np.zeros((5, 150, 280, 3), np.uint8)
    layout().write([Episode("any", frames, actions, states, {})], tmp_path)
    one = [1, *[0] * 12, 0.1, -0.1, 0.8, 0.5, 1]  # w, and what was known after it
    two = [*[0] * 10, 1, 1, 0, 0, 0, 0.6, 1, 1]  # r and the left button
    three = [*[0] * 12, 1, -1, 1, 0, 0.1, 0]
    still = [*[0] * 15, 0, 0.1, 0]
    none = [0] * 18
    with h5py.File(place(tmp_path, 1)) as file:
        history = [none, none, none, one, two, three, still]
        for step in range(5):
            latest_first = history[step : step + 3][::-1]
            np.testing.assert_allclose(
                file[f"frame_{step}_xaux"][:], np.concatenate(latest_first), atol=1e-15
            )
        assert [list(file[f"frame_{step}_helperarr"][:]) for step in range(4)] == [
            [0, 0], [1, 0], [0, 0], [0, 1],
        ]  # fmt: skip


def test_a_file_may_be_shorter_than_a_minute(first):
    with h5py.File(first, "r+") as file:
        for name in ("x", "xaux", "y", "helperarr"):
            del file[f"frame_3_{name}"]
    read = layout().open(first.parent.parent)[0]
    np.testing.assert_array_equal(read.actions, example_episode("csgo", 0, 4).actions[:3])


def test_actions_in_single_precision_are_read(first, raw):
    with h5py.File(first, "r+") as file:
        values = file["frame_0_y"][:].astype(np.float32)
        del file["frame_0_y"]
        file["frame_0_y"] = values
    np.testing.assert_array_equal(
        layout().open(raw)[0].actions, example_episode("csgo", 0, 4).actions
    )


def test_two_hundred_recordings_a_folder_and_a_hundred_in_the_last(first, raw):
    right = {
        "1-200": (1, 200),
        "201-400": (201, 400),
        "5201-5400": (5400,),
        "5401-5500": (5401, 5500),
    }
    for folder, numbers in right.items():
        (raw / folder).mkdir(exist_ok=True)
        for number in numbers:
            if number > 1:
                shutil.copy(first, place(raw, number, folder))
    source = layout().open(raw)
    assert keys(source, range(len(source))) == [1, 200, 201, 400, 5400, 5401, 5500]
    assert source.split is None
    assert source[6].key == "hdf5_dm_july2021_5500"


def test_recordings_come_in_the_order_of_their_numbers(first, raw):
    copies(first, 2, 9, 10, 11, 100)
    source = layout().open(raw)
    assert keys(source, range(len(source))) == [1, 2, 9, 10, 11, 100]


def test_files_of_other_kinds_and_places_are_left_alone(first, raw):
    (raw / "201-400").mkdir()
    shutil.copy(first, place(raw, 7, "201-400"))
    shutil.copy(first, first.parent / "hdf5_dm_july2021_expert_2.hdf5")
    shutil.copy(first, first.parent / "hdf5_dm_july2021_03.hdf5")
    assert len(layout().open(raw)) == 1


def test_a_truncated_file(first, raw):
    first.write_bytes(first.read_bytes()[:200_000])
    with pytest.raises(
        DataError, match=r"july2021_1.hdf5: damaged or cut short \(.*truncated file"
    ):
        layout().open(raw)[0]


def test_a_file_that_is_no_hdf5(first, raw):
    first.write_bytes(b"not found" * 1000)
    with pytest.raises(DataError, match=r"july2021_1.hdf5: damaged .* fetch or record it again"):
        layout().open(raw)[0]


def test_any_byte_of_the_tables_may_be_wrong(first, raw):
    """A file with a flipped byte is refused, or read as arrays of the right shape."""
    content, rng, messages = first.read_bytes(), np.random.default_rng(0), []
    for position in rng.integers(0, 4000, 150):
        damaged = bytearray(content)
        damaged[position] ^= int(rng.integers(1, 256))
        first.write_bytes(damaged)
        try:
            read = layout().open(raw)[0]
        except DataError as error:
            messages.append(str(error))
        else:
            assert read.frames.shape[1:] == (150, 280, 3)
    assert len(messages) > 10
    assert all("july2021_1" in message for message in messages)


@pytest.mark.parametrize("name", ["frame_2_y", "frame_0_x", "frame_3_xaux", "frame_1_helperarr"])
def test_a_missing_array(name, first, raw):
    with h5py.File(first, "r+") as file:
        del file[name]
    # Without one of its frames, the last step is beyond what the others make.
    with pytest.raises(DataError, match=rf"july2021_1.hdf5: holds \d frames but no {name}; fetch"):
        layout().open(raw)[0]


def test_an_empty_file(first, raw):
    h5py.File(first, "w").close()
    with pytest.raises(DataError, match=r"holds 0 frames but no frame_0_x"):
        layout().open(raw)[0]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("frame_1_x", np.zeros((150, 280), np.uint8), r"uint8 \(150, 280, 3\), found .*150, 280\)"),
        ("frame_1_x", np.zeros((150, 280, 3), np.uint16), r"uint8 .*, found .*<u2"),
        ("frame_2_y", np.zeros(50), r"float64 \(51,\), found .*\(50,\)"),
        ("frame_2_y", np.zeros(51, complex), r"float64 \(51,\), found .*<c16"),
        ("frame_3_xaux", np.zeros((3, 18)), r"float64 \(54,\), found"),
        ("frame_0_helperarr", np.array([b"no", b"no"]), r"float64 \(2,\), found"),
    ],
)
def test_an_array_of_another_shape_or_type(name, value, expected, first, raw):
    with h5py.File(first, "r+") as file:
        del file[name]
        file[name] = value
    with pytest.raises(DataError, match=rf"july2021_1.hdf5: expected {name} to be {expected}"):
        layout().open(raw)[0]


def test_a_type_that_numpy_lacks(first, raw):
    with h5py.File(first, "r+") as file:
        del file["frame_1_y"]
        time = h5py.h5t.UNIX_D64LE.copy()
        h5py.h5d.create(file.id, b"frame_1_y", time, h5py.h5s.create_simple((51,)))
    with pytest.raises(DataError, match=r"july2021_1.hdf5: expected frame_1_y .*, found No NumPy"):
        layout().open(raw)[0]


def test_a_folder_in_place_of_an_array(first, raw):
    with h5py.File(first, "r+") as file:
        del file["frame_1_y"]
        file.create_group("frame_1_y")
    with pytest.raises(DataError, match=r"frame_1_y to be float64 .*, found .*group"):
        layout().open(raw)[0]


def test_an_array_of_another_file_is_refused(first, raw):
    other = shutil.copy(first, raw / "other.hdf5")
    with h5py.File(first, "r+") as file:
        del file["frame_1_y"]
        file["frame_1_y"] = h5py.ExternalLink(str(other), "frame_0_y")
    with pytest.raises(DataError, match=r"july2021_1.hdf5: frame_1_y lies elsewhere; fetch"):
        layout().open(raw)[0]
