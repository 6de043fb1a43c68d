"""The bench of few-step students counts what passes through the network."""

import json

import torch
from typer.testing import CliRunner

from pipeline.tools.bench import Sampling, few_step, sampler
from pipeline.tools.bench.commands import app

TINY = Sampling(
    size="nano", patch=2, injection="additive", latent=(4, 8, 8), action_dim=7, frames=4, batch=2,
    repeats=1, compiled="none", precision="float32", context=2, steps=50,
)  # fmt: skip


def test_frames_that_pass_through_the_network_are_counted(monkeypatch):
    passed = []

    def counted(setting, batch, objective, device, network, *how):
        counting = sampler.CountingDenoiser(network, "none")
        drawn = sampler.draw(setting, batch, objective, device, counting, *how)
        passed.append(counting.frames)
        return drawn

    monkeypatch.setattr(few_step, "draw", counted)
    rows = few_step.run(TINY, torch.device("cpu")).rows
    assert [row.evaluations * 2 for row in rows.values()] == passed[: len(rows)]


def test_the_command_writes_what_it_shows(tmp_path):
    words = ["few-step", "--size", "nano", "--latent", "4x8x8", "--repeats", "1"]
    result = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "few.json")])
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "few.json").read_text())
    assert list(found["rows"]) == list(few_step.WAYS)
    assert found["rows"]["teacher, 50 steps"]["speedup"] == 1
