"""The bench of planners: minima are minima, and evaluations are counted."""

import json

import pytest
import torch
from helpers import ROOT
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.tools.bench.planner_worlds import BOUND, WORLDS


@pytest.mark.parametrize("name", WORLDS)
def test_no_plan_costs_less_than_the_minimum(name, generator):
    world = WORLDS[name]()
    shape = (1, 2000, world.horizon, world.size)
    plans = BOUND * (2 * torch.rand(shape, generator=generator) - 1)
    if world.choices is not None:
        numbers = torch.randint(5, (1, 2000, world.horizon, 2), generator=generator)
        plans = world.choices[numbers].flatten(-2)
    assert (world.cost(plans) >= world.minimum).all()


def test_every_planner_has_a_row_in_every_world_that_it_searches(tmp_path):
    out = tmp_path / "planners.json"
    words = ["bench", "planners", "--evaluations", "64", "--seeds", "2", "--out", str(out)]
    result = CliRunner().invoke(app, [*words, "--params", str(ROOT / "params.yaml")])
    assert result.exit_code == 0, result.output
    rows = json.loads(out.read_text())["rows"]
    pairs = {(row["world"], row["planner"]) for row in rows}
    assert {("grid", "categorical"), ("grid", "random_shooting"), ("door", "cem")} <= pairs
    assert not {("grid", "cem"), ("door", "categorical")} & pairs
    for row in rows:
        assert row["spent"] == pytest.approx(64, rel=0.2)
        assert row["excess"] <= 1 + 1e-5
    assert "share of seeds within 2%" in result.output
