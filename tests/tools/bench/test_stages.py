"""The bench of stages: two builds get the same values, and start-up is told from work."""

import json
from pathlib import Path

import pytest
from helpers import ROOT
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.tools.bench import stages
from pipeline.tools.bench.processes import Usage, usage_of
from pipeline.tools.bench.stages import Measured


def test_the_other_build_takes_our_values_of_the_keys_that_it_knows():
    theirs = {"steps": 1600, "levels": {"prefix": 0.1}, "gone": 3}
    ours = {"steps": 2400, "levels": {"prefix": 0.5, "new": 1}, "drop": 0}
    assert stages.alike(theirs, ours) == {"steps": 2400, "levels": {"prefix": 0.5}, "gone": 3}


def test_a_step_is_what_more_steps_take_beyond_the_start(tmp_path, monkeypatch):
    """Ours starts in 2 s and takes .5 s a unit of work, theirs 4 s and 1 s."""
    monkeypatch.chdir(tmp_path)
    builds, costs = set(), {ROOT: (2.0, 0.5), tmp_path / "old": (4.0, 1.0)}

    def timed(job, amount, build, folder):
        builds.add(build)
        if job.stage == "encode":  # zarr.json names the codec, which is each build's own
            (folder / stages.LATENTS / "mean").mkdir(parents=True, exist_ok=True)
            (folder / stages.LATENTS / "mean" / "0").write_bytes(b"the same")
            (folder / stages.LATENTS / "zarr.json").write_text(str(build))
            (folder / "encode.json").write_text(json.dumps({"frames": 30 // amount}))
        start, each = costs[build]
        work = stages.units_of(job, amount, folder)
        return Usage(start + each * work, 10**9 if build == ROOT else 2 * 10**9)

    def used(words, build, folder, *, starts=False):
        return Usage(costs[build][0] if starts else 0, 0)

    (tmp_path / "old" / "pipeline" / "train").mkdir(parents=True)
    (tmp_path / "old" / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    monkeypatch.setattr(stages, "timed", timed)
    monkeypatch.setattr(stages, "usage_of", used)
    words = ["bench", "stages", "--against", "old", "--rounds", "2", "--out", "out.json"]
    done = CliRunner().invoke(app, words)
    assert done.exception is None, done.output
    assert builds == set(costs)
    found = json.loads(Path("out.json").read_text())
    assert found["same_latents"]
    figures = found["figures"]
    step = figures["train: a step, CPU-s"]
    assert (step["ours"]["median"], step["theirs"]["median"], step["ratio"]) == (0.5, 1, 0.5)
    start = figures["train: until its network computes, CPU-s"]
    assert (start["ours"]["median"], start["theirs"]["median"], start["ratio"]) == (2, 4, 0.5)
    assert figures["encode: a frame, CPU-s"]["theirs"]["median"] == 1
    assert figures["train: peak, GB"]["ratio"] == 0.5
    assert figures["ingest: all frames, CPU-s"]["theirs"]["median"] == 4


def test_latents_are_compared_byte_for_byte(tmp_path):
    for name, content in (("one", b"same"), ("other", b"sane")):
        (tmp_path / name / "mean").mkdir(parents=True)
        (tmp_path / name / "mean" / "0").write_bytes(content)
    assert stages.same_arrays(tmp_path / "one", tmp_path / "one")
    assert not stages.same_arrays(tmp_path / "one", tmp_path / "other")


def test_ratios_are_medians_over_rounds():
    ours, theirs = Measured(), Measured()
    for job in stages.JOBS:
        for amount in (*dict.fromkeys(job.amounts), "starts"):
            name, work = f"{job.stage} {amount}", 0 if amount == "starts" else amount
            ours.units[name] = theirs.units[name] = work
            for mine, its in ((1, 2), (1, 4), (3, 4)):
                ours.add(name, Usage(mine + work, 1))
                theirs.add(name, Usage(its + work, 1))
    table = stages.rows(ours, theirs)
    assert table["ingest: all frames, CPU-s"].ratio == 0.5
    assert table["ingest: all frames, CPU-s"].ours.max == 3
    assert table["encode: until its network computes, CPU-s"].ratio == 0.5


@pytest.mark.slow
def test_a_start_ends_when_a_network_is_about_to_compute(tmp_path):
    computes = "import torch\ntorch.nn.Linear(1, 1)(torch.ones(1))"
    (tmp_path / "network.py").write_text(f"open('before', 'w')\n{computes}\nopen('after', 'w')")
    assert usage_of(["network"], tmp_path, tmp_path, starts=True).cpu > 0
    assert (tmp_path / "before").exists()
    assert not (tmp_path / "after").exists()


def test_another_build_is_looked_for_before_any_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["bench", "stages", "--against", "nowhere"])
    assert "nowhere: no build of this pipeline" in str(done.exception)
