"""Minari sets, held against what minari 0.5.4 reads of them in each of its storages."""

import json
import pickle
import shutil
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pytest

from pipeline.errors import DataError
from pipeline.formats.minari import Options, build, detect

FIXTURES = Path(__file__).parent / "fixtures" / "minari"
SETS = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir())


def opened(folder, **values):
    return build(Options.model_validate({"root": str(folder), **values})).open(folder)


def readings(name):
    """What minari gives of each episode: arrays by the episode's number and their path."""
    with np.load(FIXTURES / name / "readings.npz") as file:
        return dict(file)


def one_hot(values, choices):
    return np.eye(choices)[values]


ACTIONS = {
    "jpeg-hdf5": lambda of: one_hot(of("actions") - 1, 4),
    "jpeg-arrow": lambda of: of("actions"),
    "raw-parquet": lambda of: np.hstack(
        [one_hot(of("actions")[:, 0], 3), one_hot(of("actions")[:, 1], 2)]
    ),
    "raw-hdf5": lambda of: np.hstack([one_hot(of("actions/0"), 2), of("actions/1")]),
}
"""The vectors that actions become, of those that minari gives."""


@pytest.mark.parametrize("name", SETS)
def test_episodes_are_what_minari_itself_gives(name):
    detected = detect(FIXTURES / name)
    source, theirs = opened(FIXTURES / name, **detected.options), readings(name)
    (camera,), states = detected.options["cameras"], detected.options["states"]
    assert [source.key(i) for i in range(len(source))] == ["episode_000000", "episode_000001"]
    for index in range(len(source)):
        ours = source[index]
        np.testing.assert_array_equal(ours.frames, theirs[f"{index}/{camera}"][:-1])
        actions = ACTIONS[name](lambda path, index=index: theirs[f"{index}/{path}"])
        np.testing.assert_array_equal(ours.actions, actions.astype(np.float32))
        for path in states:
            np.testing.assert_array_equal(ours.states, theirs[f"{index}/{path}"][:-1])


@pytest.mark.parametrize("name", SETS)
def test_infos_can_be_states(name):
    read = opened(FIXTURES / name, **{**detect(FIXTURES / name).options, "states": "infos/energy"})
    np.testing.assert_array_equal(read[1].states, readings(name)["1/infos/energy"][:-1])


@pytest.mark.parametrize("name", SETS)
def test_the_folder_of_the_data_itself_will_do(name):
    options = detect(FIXTURES / name).options
    assert detect(FIXTURES / name / "data").options == options
    assert len(opened(FIXTURES / name / "data", **options)[0]) == 5


@pytest.mark.parametrize("name", SETS)
def test_a_source_is_pickled_without_frames(name):
    source = opened(FIXTURES / name, **detect(FIXTURES / name).options)
    other = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(other[1].frames, source[1].frames)
    assert len(pickle.dumps(source)) < 2000


def test_detection_names_the_set_and_its_spaces():
    found = detect(FIXTURES / "raw-hdf5")
    assert found.title == "Minari 0.5.4"
    assert found.facts["data_set"] == "raw-hdf5-v0"
    assert found.facts["stored_as"] == "hdf5"
    assert found.facts["actions"] == ["actions/_index_0 Discrete 2", "actions/_index_1 float32 [2]"]
    assert found.lacks is None


@pytest.fixture
def copy(tmp_path):
    """Copies a fixture, with keys of its metadata.json changed, or dropped where they are None."""

    def copied(name, **changes):
        folder = shutil.copytree(FIXTURES / name, tmp_path / name)
        path = folder / "data" / "metadata.json"
        values = {**json.loads(path.read_text()), **changes}
        path.write_text(json.dumps({k: v for k, v in values.items() if v is not None}))
        return folder

    return copied


BOX = json.dumps({"type": "Box", "dtype": "float32", "shape": [3], "low": [0], "high": [1]})


def test_a_set_without_images_says_what_to_do(copy):
    found = detect(copy("jpeg-arrow", observation_space=BOX))
    assert "no observation is an image" in found.lacks
    assert found.options == {}


@pytest.mark.parametrize(
    "content", ['{"total_episodes": 3}', "[]", "damaged", '{"data_format": "zarr"}']
)
def test_another_metadata_json_is_not_mistaken_for_minaris(content, tmp_path):
    (tmp_path / "metadata.json").write_text(content)
    assert detect(tmp_path) is None
    assert detect(tmp_path / "absent") is None


WRONG = {
    "episodes": ({"total_episodes": 5}, "says 5 episodes, but it holds 2"),
    "no space": ({"action_space": None}, "has no action_space; write the set again"),
    "a space of another kind": ({"action_space": '{"type": "Graph"}'}, "action_space: damaged"),
    "damaged": ({"observation_space": "{"}, "observation_space: damaged"),
    "text": ({"action_space": '{"type": "Text"}'}, "an action is text"),
    "choices": ({"action_space": '{"type": "Discrete", "n": 2}'}, "is none of the actions 0 to 1"),
    "too many choices": ({"action_space": '{"type": "Discrete", "n": 1000000000}'}, "at most 4096"),
}


@pytest.mark.parametrize("case", WRONG)
def test_metadata_that_does_not_fit_is_refused_in_one_line(case, copy):
    changes, match = WRONG[case]
    with pytest.raises(DataError, match=match) as caught:
        opened(copy("jpeg-hdf5", **changes))[0]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("options", [{"cameras": "observation/pixels"}, {"states": "pixels"}])
def test_a_path_that_is_no_observation_is_told_with_those_that_are(options):
    with pytest.raises(DataError, match=r"no .*pixels; .*observations/pixels, observations/state"):
        opened(FIXTURES / "jpeg-arrow", **{"cameras": "observations/pixels", **options})


def test_an_observation_that_is_no_image_is_refused():
    with pytest.raises(DataError, match=r"observations/state is float32 \[5, 3\], no images"):
        opened(FIXTURES / "jpeg-arrow", cameras="observations/state")[0]


def test_a_folder_without_metadata_is_named(tmp_path):
    with pytest.raises(DataError, match=r"holds no metadata.json, nor does its folder data"):
        opened(tmp_path)


def truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


def one_observation_too_few(path):
    with h5py.File(path, "a") as file:
        values = file["episode_0/observations"][:-1]
        del file["episode_0/observations"]
        file["episode_0/observations"] = values


def no_jpeg(path):
    with h5py.File(path, "a") as file:
        shape = file["episode_0/observations"].shape
        del file["episode_0/observations"]
        file["episode_0/observations"] = np.zeros((shape[0], 50), np.uint8)


def holes(path):
    table = pa.ipc.open_file(path).read_all()
    empty = pa.array([None] * len(table), table["actions"].type)
    table = table.set_column(table.column_names.index("actions"), "actions", empty)
    with pa.ipc.new_file(path, table.schema) as file:
        file.write_table(table)


def no_actions(path):
    table = pa.ipc.open_file(path).read_all().drop_columns("actions")
    with pa.ipc.new_file(path, table.schema) as file:
        file.write_table(table)


MAIN, FIRST = "data/main_data.hdf5", "data/0/part-0"
DAMAGED = {
    "hdf5 cut": ("jpeg-hdf5", MAIN, truncated, "no HDF5 file, damaged or cut short"),
    "hdf5 gone": ("jpeg-hdf5", MAIN, Path.unlink, "no such file; fetch it again"),
    "observations": ("jpeg-hdf5", MAIN, one_observation_too_few, "5 actions, 5 observations"),
    "no JPEG": ("jpeg-hdf5", MAIN, no_jpeg, "at frame 0: no JPEG or PNG"),
    "arrow cut": ("jpeg-arrow", f"{FIRST}.arrow", truncated, "data/0: damaged"),
    "arrow gone": ("jpeg-arrow", f"{FIRST}.arrow", Path.unlink, "holds no .arrow file"),
    "arrow holes": ("jpeg-arrow", f"{FIRST}.arrow", holes, "actions: some steps have no value"),
    "arrow column": (
        "jpeg-arrow",
        f"{FIRST}.arrow",
        no_actions,
        "data/0: no actions; did you mean",
    ),
    "parquet cut": ("raw-parquet", f"{FIRST}.parquet", truncated, "data/0: damaged"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_files_are_refused_in_one_line(case, copy):
    name, file, damage, match = DAMAGED[case]
    options, folder = detect(FIXTURES / name).options, copy(name)
    damage(folder / file)
    with pytest.raises(DataError, match=match) as caught:
        opened(folder, **options)[0]
    assert "\n" not in str(caught.value)
