"""A folder of each format goes from `wm inspect`, whose block is pasted, to the report."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from in_process import run_stages
from pipeline_helpers import make_workspace, set_params

from pipeline.tools.inspect_.raw import inspect

FIXTURES = Path(__file__).parent / "fixtures"


def fixture(name: str) -> Callable[[Path], None]:
    """Fills a folder with a set that the format's own library wrote, if it has one."""
    return lambda folder: shutil.copytree(FIXTURES / name, folder, dirs_exist_ok=True) and None


FORMATS: dict[str, Callable[[Path], None]] = {
    "video_csv": fixture("video_csv"),
    "rlds": fixture("rlds/visible/1.0.0"),
    "stable_worldmodel": fixture("stable_worldmodel/hdf5"),
    "hdf5": fixture("robomimic"),
    "minari": fixture("minari/jpeg-hdf5"),
    "lerobot": fixture("lerobot_v3_edited"),
}
"""What fills a folder, by the format that it is to be recognised as."""
SMALL = {
    "ingest.shortest": 4,
    "ingest.train_share": 0.5,
    "evaluate.clips": 2,
    "rollout.clips": 0,
    "evaluate.dreams": 1,
    "train.frames": 3,
    "train.steps": 2,
    "train.validation": {"every": 2, "clips": 1, "strips": 1, "sampling_steps": 1},
    "encoders.tiny_vae.steps": 1,
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_pasted_block_leads_to_the_report(name, tmp_path):
    raw = tmp_path / "mine"
    raw.mkdir()
    FORMATS[name](raw)
    inspection = inspect(raw, None, read_all=True)
    assert inspection.lacks is None
    workspace = make_workspace(tmp_path / "workspace")
    path = workspace / "params.yaml"
    params = yaml.safe_load(path.read_text())
    params["datasets"] |= yaml.safe_load(inspection.block)["datasets"]
    path.write_text(yaml.safe_dump(params, sort_keys=False))
    set_params(workspace, {"dataset": "mine", **SMALL})
    run_stages(workspace)
    assert params["datasets"]["mine"]["format"] == name
    manifest = json.loads((workspace / "data/mine/shards/manifest.json").read_text())
    assert (manifest["dataset"], manifest["frames"]) == ("mine", inspection.facts["frames"])
    assert "skipped" in json.loads((workspace / "metrics/plan.json").read_text())
    assert "World model of mine" in (workspace / "report/index.html").read_text()
