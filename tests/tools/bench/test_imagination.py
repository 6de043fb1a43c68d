"""The bench of imagination: both are stepped on recorded actions, and their rates compared."""

import json
from pathlib import Path

from helpers import ROOT
from policy_helpers import Toy, toy_cache, toy_model
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.tools.bench import imagination


def test_imagined_steps_are_timed_beside_simulated_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    toy_model(toy_cache(Path("latents.zarr")).spec).save_pretrained("model")
    stepped = []
    monkeypatch.setattr(Toy, "step", lambda self, action: stepped.append(action))
    monkeypatch.setattr(imagination, "simulator", lambda settings: Toy())
    words = ["bench", "imagination", "latents.zarr", "model", "--environments", "5"]
    words += ["--rounds", "2", "--out", "out.json", "--params", str(ROOT / "params.yaml")]
    done = CliRunner().invoke(app, words)
    assert done.exception is None, done.output
    assert len(stepped) == 3 * imagination.SIMULATED
    results = json.loads(Path("out.json").read_text())
    assert results["environments"] == 5
    assert results["heads"] == 2
    for rate in (results["imagined"], results["charged"], results["simulated"]):
        assert 0 < rate["min"] <= rate["median"] <= rate["max"]
    assert f"{results['speedup']:.1f} x the steps" in done.output
