"""The bench of growth: both sizes run every stage, and a set of tiny episodes is whole."""

import json
from pathlib import Path

import pytest
from helpers import ROOT
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.episodes import shards
from pipeline.episodes.manifest import read_manifest
from pipeline.errors import DataError
from pipeline.latents.cache import open_cache
from pipeline.tools.bench import growth, growth_list
from pipeline.tools.bench.processes import Usage, read_params, usage_of


def test_every_stage_runs_on_both_sizes_and_lists_are_of_all_episodes(tmp_path, monkeypatch):
    """A stage takes 2 s, and .1 s an episode unless its work is fixed."""
    monkeypatch.chdir(tmp_path)
    sizes, listed = {}, []

    def played(words, build, folder):
        stage = words[0].removeprefix("pipeline.")
        count = read_params(folder)["worlds"]["wall"]["episodes"]
        sizes.setdefault(stage, []).append(count)
        fixed = {job.stage: job.fixed for job in growth.JOBS}.get(stage)
        return Usage(2 if fixed else 2 + 0.1 * count, 10**9)

    def listing(words, build, folder):
        listed.append(" ".join(words))
        if words[1] == "inspect":
            assert (folder / words[2]).exists()
        return Usage(1, 10**9)

    monkeypatch.setattr(growth, "usage_of", played)
    monkeypatch.setattr(growth_list, "usage_of", listing)
    words = [
        "bench",
        "growth",
        "--episodes",
        "40",
        "--rounds",
        "2",
        "--listed",
        "130",
        "--out",
        "out.json",
    ]
    done = CliRunner().invoke(app, words)
    assert done.exception is None, done.output
    assert sizes["encode"] == [40, 400, 40, 400]
    found = json.loads(Path("out.json").read_text())
    assert found["stages"]["encode"]["cpu"] == [6, 42]
    assert found["stages"]["encode"]["times"] == 7
    assert found["stages"]["plan"]["times"] == 1
    assert found["listed"] == {"episodes": 130, "frames": 1300}
    assert len(found["lists"]) == 5
    assert listed[-1] == "dvc status"


def test_a_peak_is_that_of_the_process_alone(tmp_path):
    """This one has torch in memory, which alone takes more."""
    assert 10**6 < usage_of(["json.tool", "--help"], ROOT, tmp_path).peak < 10**8
    with pytest.raises(DataError, match=r"json.tool nowhere of .* failed: .*nowhere"):
        usage_of(["json.tool", "nowhere"], ROOT, tmp_path)


def test_the_tiny_set_is_read_as_one_that_was_recorded(tmp_path):
    for name, write in growth_list.WRITERS.items():
        write(tmp_path / name, 70)
    manifest = read_manifest(tmp_path / "shards")
    assert (len(manifest.shards), manifest.episodes, manifest.frames) == (2, 70, 700)
    assert sum(len(episode) for episode in shards.read(tmp_path / "shards")) == 700
    assert len(open_cache(tmp_path / "latents.zarr").seal.episodes) == 70
    done = CliRunner().invoke(app, ["inspect", str(tmp_path / "raw"), "--all"])
    assert done.exit_code == 0, done.output
