"""Wrong params get one line that names the place, the value and the way out, before any work."""

import copy
import functools
import shutil
from pathlib import Path

import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from helpers import PARAMS, ROOT

from pipeline import params
from pipeline.errors import ParamsError, UserError
from pipeline.families import family


def write(path: Path, **changes: object) -> Path:
    """params.yaml with some dotted keys changed; None deletes one."""
    values = yaml.safe_load(yaml.safe_dump(PARAMS))
    for dotted, value in changes.items():
        *parents, last = dotted.split(".")
        block = values
        for parent in parents:
            block = block[parent]
        if value is None:
            del block[last]
        else:
            block[last] = value
    (path / "params.yaml").write_text(yaml.safe_dump(values))
    return path / "params.yaml"


def test_the_default_is_right(tmp_path):
    assert params.read(write(tmp_path)).values == PARAMS


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"encoder": "tiny_vea"}, "encoder = 'tiny_vea' is unknown; did you mean tiny_vae?"),
        ({"planner": 3}, "planner = 3 is unknown; known: categorical, cem"),
        ({"train.stpes": 5}, "unknown key train.stpes; did you mean steps?"),
        ({"train.steps": None}, "key train.steps is missing"),
        ({"train.steps": -1}, "train.steps = -1: Input should be greater than 0"),
        ({"train.batch": "many"}, "train.batch = 'many': Input should be a valid integer"),
        ({"train": None}, "key 'train' is missing"),
        ({"trian": {}}, "unknown key 'trian'; did you mean train?"),
        ({"train": 3}, "train = 3 must map option names to values"),
        ({"encoders.patch_pca": None, "encoder": "patch_pca"}, "add a block encoders.patch_pca"),
        ({"encoders.patch_pca.component": 8}, "unknown key encoders.patch_pca.component"),
        ({"encoders.pca": {}}, "a block of encoders = 'pca' is unknown"),
        ({"worlds.wall.doors": [3]}, "every door must lie in 8..56"),
        ({"planners.cem.elites": 65}, "elites = 65 exceeds candidates = 64"),
        ({"plan.distance.frame": "all"}, "unknown key plan.distance.frame; did you mean frames?"),
        ({"plan.distance.frames": "first"}, "plan.distance.frames = 'first': Input should be"),
        (
            {"encode.stride": 2},
            "encode.stride = 2 does not divide the frame interval 5 of wall",
        ),
        (
            {"encode.stride": 2, "train.interval": 3},
            "stride = 2 does not divide the frame interval 3 (",
        ),
        (
            {"encode.storage": "int4"},
            "encode.storage = 'int4': Input should be",
        ),
        ({"plan.distance.base": None}, "key plan.distance.base is missing"),
        ({"denoisers.nanowm.size": {"width": 8, "heads": 2}}, "key denoisers.nanowm.size.depth is"),
        (
            {"denoisers.nanowm.size": {"width": 8, "depht": 2, "heads": 2}},
            "unknown key denoisers.nanowm.size.depht; did you mean depth?",
        ),
    ],
)
def test_every_mistake_is_named(tmp_path, changes, expected):
    path = write(tmp_path, **changes)
    with pytest.raises(ParamsError) as caught:
        params.read(path)
    assert str(caught.value).startswith(str(path))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"a: [1", b"", b"3", b"a: caf\xe9", b"a: \0", b"[" * 9999])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, content):
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"params.yaml: "):
        params.read(path)


def blocks(values, path=()):
    """Every block of options, by its place."""
    if isinstance(values, dict) and values:
        yield path, values
        for key, inner in values.items():
            yield from blocks(inner, (*path, key))


def test_a_misspelt_key_is_called_unknown_wherever_it_stands(tmp_path):
    """Not the one missing that it should have been; one key of every block is misspelt in turn."""
    for place, block in blocks(PARAMS):
        if place == ("datasets",):
            continue  # a data set may have any name
        values = copy.deepcopy(PARAMS)
        changed = functools.reduce(dict.__getitem__, place, values)
        key = max(block, key=len)
        changed[f"{key}x"] = changed.pop(key)
        with pytest.raises(ParamsError, match=rf"unknown.*; did you mean {key}\?"):
            params.check(tmp_path / "params.yaml", values)


def test_a_key_given_twice_is_refused(tmp_path):
    path = write(tmp_path)
    path.write_text(f"{path.read_text()}dataset: wall\n")
    with pytest.raises(UserError, match=r"params.yaml: line \d+ gives 'dataset' again, after line"):
        params.read(path)


def test_params_yaml_is_written_as_dvc_writes_it(tmp_path):
    """`dvc exp run -S` changes the line that it should, and no other."""
    path = shutil.copy(ROOT / "params.yaml", tmp_path)
    apply_overrides(path, [f"train.seed={PARAMS['train']['seed']}"])
    assert Path(path).read_text() == (ROOT / "params.yaml").read_text()


def test_a_data_set_of_states_has_precedence_over_the_encoder_which_is_checked_all_the_same(
    tmp_path,
):
    encoders, robot = family("encoders"), {"dataset": "quadruped"}
    settings = params.read(write(tmp_path, **robot, **{"policy.method": "ppo"}))
    assert (settings.chosen(encoders), settings.variant(encoders).name) == ("state", "state")
    assert settings.place(encoders).endswith("params.yaml: datasets.quadruped.encoder")
    pictures = params.read(write(tmp_path, **robot, **{"datasets.quadruped.encoder": None}))
    assert pictures.chosen(encoders) == PARAMS["encoder"]
    with pytest.raises(ParamsError, match=r"params.yaml: encoder = 'tiny_vea' is unknown"):
        params.read(write(tmp_path, **robot, encoder="tiny_vea"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ParamsError, match="no such file"):
        params.read(tmp_path / "params.yaml")
