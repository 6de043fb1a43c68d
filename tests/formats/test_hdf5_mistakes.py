"""What is wrong with an HDF5 set, or with its block of params.yaml, is one line with a way out."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from hdf5_helpers import COLUMNS, T, images, numbers, opened, write
from pydantic import ValidationError

from pipeline.errors import DataError

ROBOMIMIC = Path(__file__).parent / "fixtures" / "robomimic"
DEMOS = {
    "episodes": {"groups": "data/demo_*"},
    "cameras": "obs/agentview_image",
    "actions": "actions",
}
WHOLE = {"frames": images(T, 8, 9, 3), "actions": numbers(T)}


def refused(folder, match, **values):
    """The one line by which a set, or its first episode, is refused."""
    with pytest.raises(DataError, match=match) as caught:
        opened(folder, **values)[0]
    assert "\n" not in str(caught.value)


WRONG_NAMES = {
    "group": (
        {"episodes": {"groups": "data/traj_*"}},
        r"no group data/traj_\*; it holds data, mask",
    ),
    "camera": ({"cameras": "obs/agentview"}, "did you mean data/demo_2/obs/agentview_image"),
    "group for array": ({"actions": "obs"}, "is a group; choose one of its arrays"),
    "states for camera": ({"cameras": "states"}, r"float64 \[5, 4\], no images"),
    "mask": ({"filter": "mask/best"}, "no array mask/best; did you mean mask/train"),
    "same mask twice": (
        {"split": {"train": "mask/train", "valid": "mask/train"}},
        "demo_10 is in both mask/train and mask/train",
    ),
    "flags that are none": ({"episodes": {"flags": "data/demo_2/states"}}, r"\[5, 4\], expected a"),
    "files": ({"files": "*.h5"}, r"no file \*.h5; set datasets.NAME.files"),
}


@pytest.mark.parametrize("case", WRONG_NAMES)
def test_a_name_that_is_not_in_the_file_is_told_with_those_that_are(case):
    changes, match = WRONG_NAMES[case]
    refused(ROBOMIMIC, match, **{**DEMOS, **changes})


WRONG_ARRAYS = {
    "floats": ({"frames": numbers(T, 216).reshape(T, 8, 9, 3)}, r"float32 .* \(255 \* frames\)"),
    "16 bits": (
        {"frames": images(T, 8, 9, 3).astype(np.uint16)},
        "uint16 .*, and frames are uint8",
    ),
    "stacked": ({"frames": images(T, 4, 8, 9)}, "neither 3 nor 1 channels"),
    "choices": ({"actions": np.arange(T)}, "discrete_actions to how many actions there are"),
    "no numbers": ({"actions": np.array([b"left"] * T)}, r"\|S4 \[6\], no numbers"),
    "too few": ({"actions": numbers(T - 2)}, "6 frames, 4 actions"),
    "too many": ({"actions": numbers(T + 1)}, "6 frames, 7 actions"),
    "nothing": ({"frames": images(0, 8, 9, 3), "actions": numbers(0)}, "0 frames and 0 actions"),
    "not finite": ({"actions": np.full((T, 2), np.nan)}, "actions hold NaN"),
    "no JPEGs": ({"frames": images(T, 90)}, "no JPEG or PNG"),
    "a scalar": ({"actions": 3.0}, "has no rows"),
}


@pytest.mark.parametrize("case", WRONG_ARRAYS)
def test_arrays_that_are_no_episode_are_refused_by_name(case, tmp_path):
    changes, match = WRONG_ARRAYS[case]
    write(tmp_path / "a.hdf5", **{**WHOLE, **changes})
    refused(tmp_path, match, **COLUMNS)


WRONG_ENDS = {
    "no flag": ({"flags": "end"}, np.zeros(T), "mark no step as the last"),
    "beyond": ({"ends": "end"}, [4, 9], "steps 4 to 9, but the columns hold 6 frames, 6 actions"),
    "backwards": ({"ends": "end"}, [4, 2], "from step 4 to 2 has none"),
    "fractions": ({"lengths": "end"}, [2.5, 3.5], "holds no whole numbers"),
    "NaN": ({"lengths": "end"}, [2, np.nan], "holds no whole numbers"),
    "returning": ({"index": "end"}, [0, 0, 1, 1, 0, 0], "comes back to an episode"),
}


@pytest.mark.parametrize("case", WRONG_ENDS)
def test_ends_that_cannot_be_are_refused(case, tmp_path):
    episodes, end, match = WRONG_ENDS[case]
    write(tmp_path / "a.hdf5", **WHOLE, end=end)
    source = {**COLUMNS, "episodes": episodes}
    with pytest.raises(DataError, match=match):
        list(map(opened(tmp_path, **source).__getitem__, range(2)))


def test_a_choice_beyond_the_number_of_actions_is_refused(tmp_path):
    write(tmp_path / "a.hdf5", **{**WHOLE, "actions": np.array([0, 1, 2, 1, 5, 0])})
    refused(tmp_path, "5 is none of the actions 0 to 2", **COLUMNS, discrete_actions=3)


def test_a_demonstration_of_another_length_than_it_says_is_refused(tmp_path):
    shutil.copy(ROBOMIMIC / "demo.hdf5", tmp_path)
    with h5py.File(tmp_path / "demo.hdf5", "a") as file:
        file["data/demo_2"].attrs["num_samples"] = 99
    source = opened(tmp_path, **DEMOS)
    with pytest.raises(DataError, match=r"num_samples = .*99.*, but it holds 5 actions"):
        source[0]
    assert len(source[1]) == 6


def test_cameras_of_different_heights_are_refused(tmp_path):
    write(tmp_path / "a.hdf5", **WHOLE, other=images(T, 10, 9, 3))
    refused(tmp_path, "frames is 9x8 and other 9x10", **{**COLUMNS, "cameras": ["frames", "other"]})


def test_arrays_in_other_files_are_not_followed(tmp_path):
    write(tmp_path / "elsewhere" / "b.h5", **WHOLE)
    write(tmp_path / "a.hdf5", actions=WHOLE["actions"])
    with h5py.File(tmp_path / "a.hdf5", "a") as file:
        file["frames"] = h5py.ExternalLink("elsewhere/b.h5", "frames")
    refused(tmp_path, "frames in frames is a link", **COLUMNS)
    with h5py.File(tmp_path / "a.hdf5", "a") as file:
        del file["frames"]
        layout = h5py.VirtualLayout((T, 8, 9, 3), np.uint8)
        layout[:] = h5py.VirtualSource("elsewhere/b.h5", "frames", (T, 8, 9, 3))
        file.create_virtual_dataset("frames", layout)
    refused(tmp_path, "its values lie in other files", **COLUMNS)


def test_an_array_that_claims_more_than_its_file_holds_is_refused_unread(tmp_path):
    write(tmp_path / "a.hdf5", actions=WHOLE["actions"])
    with h5py.File(tmp_path / "a.hdf5", "a") as file:
        file.create_dataset("frames", (10**9, 64, 64, 3), np.uint8, chunks=(1, 64, 64, 3))
    refused(tmp_path, "claims 12,288,000,000,000 bytes", **COLUMNS)


def test_a_codec_that_is_not_installed_is_named(tmp_path):
    write(tmp_path / "a.hdf5", actions=WHOLE["actions"])
    with h5py.File(tmp_path / "a.hdf5", "a") as file:
        frames = file.create_dataset(
            "frames", (T, 8, 9, 3), np.uint8, chunks=(T, 8, 9, 3), compression=60000,
            allow_unknown_filter=True,
        )  # fmt: skip
        frames.id.write_direct_chunk((0, 0, 0, 0), b"x" * 200)
    refused(tmp_path, "compressed by filter 60000, .* install hdf5plugin", **COLUMNS)


@pytest.mark.parametrize("damage", [lambda content: content[:-200], lambda content: b"no HDF5"])
def test_a_file_cut_short_or_of_another_kind_is_refused(damage, tmp_path):
    content = (ROBOMIMIC / "demo.hdf5").read_bytes()
    (tmp_path / "demo.hdf5").write_bytes(damage(content))
    refused(tmp_path, "no HDF5 file, damaged or cut short", **DEMOS)


def test_a_damaged_file_among_others_is_refused_when_it_is_read(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / f"{name}.hdf5", **WHOLE)
    (tmp_path / "a.hdf5").write_bytes(b"damaged")
    source = opened(tmp_path, **COLUMNS)
    assert len(source[1]) == T
    with pytest.raises(DataError, match=r"a.hdf5: no HDF5 file"):
        source[0]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"episodes": {}}, "say one of groups, flags, ends, lengths, index"),
        ({"episodes": {"groups": ".", "ends": "e"}}, "say one of groups"),
        ({"cameras": []}, "cameras"),
        ({"split": {"train": "mask/train"}}, "say train and valid, or valid_files alone"),
        ({"filter": "mask/train"}, "mask/train names groups, but episodes are none"),
        ({"files": "../*.hdf5"}, "leads out of its folder"),
        ({"alignment": "later"}, "at_frame"),
    ],
)
def test_options_that_contradict_each_other_are_refused(changes, match, tmp_path):
    with pytest.raises(ValidationError, match=match):
        opened(tmp_path, **{**COLUMNS, **changes})
