"""A data set is a block of params.yaml: of any name, with a simulator or none."""

import json
import shutil

import pytest
import yaml
from in_process import run_stage, run_stages
from pipeline_helpers import make_workspace, set_params

from pipeline import params
from pipeline.errors import ParamsError

SMALL = {"ingest.shortest": 4, "evaluate.clips": 4, "train.steps": 4, "rollout.clips": 0}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """A workspace with the raw files of a simulated Wall."""
    workspace = make_workspace(tmp_path_factory.mktemp("named") / "simulated")
    set_params(workspace, SMALL)
    run_stages(workspace, ["collect"])
    return workspace


@pytest.fixture
def workspace(simulated, tmp_path):
    return shutil.copytree(simulated, tmp_path / "workspace")


def add(workspace, **block):
    set_params(workspace, {"dataset": "my-lab_2", "datasets.my-lab_2": block})


def test_files_of_a_known_format_need_a_block_alone(workspace):
    """Paths, manifest, model, page and the reason why nothing is planned carry its name."""
    shutil.move(workspace / "data/wall/raw", workspace / "recordings")
    add(workspace, format="dino_wm_wall", root="recordings", frame_interval=2)
    run_stages(workspace)
    manifest = json.loads((workspace / "data/my-lab_2/shards/manifest.json").read_text())
    assert (manifest["dataset"], manifest["interval"]) == ("my-lab_2", 2)
    assert (workspace / "models/my-lab_2/tiny_vae/world_model").is_dir()
    plan = json.loads((workspace / "metrics/plan.json").read_text())
    assert plan["skipped"] == "my-lab_2 has no simulator (datasets.my-lab_2.world)"
    assert "World model of my-lab_2" in (workspace / "report/index.html").read_text()


def test_a_set_may_be_simulated_and_planned_in_by_any_world(workspace):
    add(workspace, format="dino_wm_wall", root=None, world="wall", normalise_actions=False)
    run_stage(workspace, "collect")
    first = (workspace / "data/wall/raw/states.pth").read_bytes()
    assert (workspace / "data/my-lab_2/raw/states.pth").read_bytes() == first


@pytest.mark.parametrize(
    ("block", "error"),
    [
        ({"format": "lerobo"}, "my_set.format = 'lerobo' is unknown; did you mean lerobot?"),
        ({"root": "x"}, "my_set.format is missing; `wm inspect` tells it"),
        ({"format": "csgo"}, "key datasets.my_set.root is missing"),
        ({"format": "csgo", "root": "x", "world": "wal"}, "my_set.world = 'wal' is unknown; did"),
        ({"format": "csgo", "root": "x", "stars": 1}, "unknown key datasets.my_set.stars; did you"),
        ([], "datasets.my_set = "),
    ],
)
def test_a_wrong_block_is_one_line(tmp_path, block, error):
    values = yaml.safe_load((params_of(tmp_path)).read_text())
    values["datasets"]["my_set"] = block
    with pytest.raises(ParamsError) as caught:
        params.check(tmp_path / "params.yaml", values)
    assert error in str(caught.value)


@pytest.mark.parametrize("name", ["wal", 3, None, [1], {"wall": 1}])
def test_a_data_set_that_has_no_block_is_one_line(tmp_path, name):
    values = {**yaml.safe_load(params_of(tmp_path).read_text()), "dataset": name}
    with pytest.raises(ParamsError, match=r"dataset = .* is unknown; "):
        params.check(tmp_path / "params.yaml", values)


@pytest.mark.parametrize("name", ["../etc", "my set", "a.b", "-x", ""])
def test_a_name_that_is_no_part_of_a_path_is_refused(tmp_path, name):
    values = yaml.safe_load(params_of(tmp_path).read_text())
    values["datasets"][name] = {"format": "csgo", "root": "x"}
    with pytest.raises(ParamsError, match="a data set's name is letters, digits, _ and -"):
        params.check(tmp_path / "params.yaml", values)


def test_a_set_that_is_not_there_must_have_a_simulator(workspace):
    add(workspace, format="dino_wm_wall", root=None)
    done = run_stage(workspace, "collect", check=False)
    assert done.returncode == 2
    assert "datasets.my-lab_2.world is null" in done.stderr


def params_of(folder):
    from helpers import ROOT

    return shutil.copy(ROOT / "params.yaml", folder / "params.yaml")
