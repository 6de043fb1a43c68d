"""A toy of a walking robot that is planned for in a small random model, and in a true one."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from helpers import PARAMS
from policy_helpers import PERIOD, SPEED, Toy, toy_cache, toy_model
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.episodes.groups import CONTACT, OBSERVED, SYSTEM_CONTACT
from pipeline.errors import DataError, ParamsError
from pipeline.policy.walking import Walk
from pipeline.tools.walk import run
from pipeline.tools.walk.mpc import now
from pipeline.tools.walk.recorded import Stretches

LEFT_FORE = CONTACT.start + SYSTEM_CONTACT.part("foot").start


def walk(states, actions):
    return Walk(torch.tensor([0.5, 0.0, 0.0]), list(states), list(actions))


def test_the_command_walks_by_planning_beside_other_controllers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    toy_model(toy_cache(Path("latents.zarr")).spec).save_pretrained("model")
    block = {**PARAMS["policy"], "trial": {"episodes": 3, "steps": 5}}
    Path("params.yaml").write_text(yaml.safe_dump({**PARAMS, "policy": block}))
    monkeypatch.setattr(run, "simulator", lambda settings: Toy())
    words = ["walk", "latents.zarr", "model", "--planner", "mppi", "--planner", "cem"]
    done = CliRunner().invoke(
        app, [*words, "--horizon", "4", "--proposals", "2", "--out", "o.json"]
    )
    assert done.exception is None, done.output
    rows = json.loads(Path("o.json").read_text())["controllers"]
    assert list(rows) == ["mppi", "cem", "nearest", "random", "standing", "collecting"]
    assert rows["standing"]["along"] < 0.01
    standing, nearest = rows["standing"], rows["nearest"]
    assert standing["gain"] == pytest.approx(standing["along"] - nearest["along"])
    assert rows["collecting"]["gain"] is None
    assert {row["walking"]["episodes"] for row in rows.values()} == {3}
    assert "mppi" in done.output


def test_more_actions_than_a_plan_has_are_refused():
    done = CliRunner().invoke(app, ["walk", "l", "m", "--horizon", "4", "--execute", "5"])
    assert isinstance(done.exception, ParamsError)
    assert "choose at most 4" in str(done.exception)


def test_the_present_is_the_latest_history_and_the_time_in_the_air(tmp_path):
    model = toy_model(toy_cache(tmp_path / "latents.zarr").spec)
    states = np.zeros((5, OBSERVED), np.float32)
    states[:, SPEED] = range(5)
    states[2, LEFT_FORE] = 1
    actions = np.arange(4, dtype=np.float32)[:, None].repeat(12, 1) / 10
    present = now(model, [walk(states, actions), walk(states[:1], [])], PERIOD)
    assert present.states[0, :, SPEED].tolist() == [2, 3, 4]
    assert present.states[1, :, SPEED].tolist() == [0, 0, 0]
    assert present.actions[:, :, 0].tolist() == [pytest.approx([0.2, 0.3]), [0, 0]]
    assert present.last_action[:, 0].tolist() == pytest.approx([0.3, 0])
    assert present.air[0].tolist() == pytest.approx([2 * PERIOD, *[4 * PERIOD] * 3])
    assert present.air[1].tolist() == [0] * 4


def test_the_nearest_stretch_is_the_recorded_one_of_an_upright_episode(tmp_path):
    cache = toy_cache(tmp_path / "latents.zarr")
    stretches = Stretches(cache, cache.spec, 4)
    start = int(cache.starts[3])
    found = stretches.nearest([walk([cache.states[start + 5]], [])], 2)
    assert found.shape == (1, 2, 4, 12)
    assert torch.equal(found[0, 0], torch.from_numpy(cache.actions[start + 5 : start + 9]))
    fallen = int(cache.starts[0])
    assert not (stretches.rows < fallen + 12).any()  # the first episode ends in a fall


def test_stretches_longer_than_any_episode_are_refused(tmp_path):
    cache = toy_cache(tmp_path / "latents.zarr")
    with pytest.raises(DataError, match="lower --horizon"):
        Stretches(cache, cache.spec, 13)


def test_distance_along_the_command_counts_its_direction_alone():
    states = np.zeros((11, OBSERVED), np.float32)
    states[:, SPEED], states[:, SPEED + 1] = 0.3, 5.0
    forwards = walk(states, [])
    backwards = Walk(torch.tensor([-0.2, 0.0, 0.0]), list(states), [])
    assert run.along([forwards] * 2, PERIOD).tolist() == pytest.approx([0.3 * 10 * PERIOD] * 2)
    assert run.along([backwards] * 2, PERIOD).tolist() == pytest.approx([-0.3 * 10 * PERIOD] * 2)
