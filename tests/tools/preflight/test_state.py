"""`wm preflight --run` on state models: imagination on and off, and their memory."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import state_helpers
import torch
from helpers import PARAMS

from pipeline.episodes.groups import OBSERVED, SYSTEM_ACTION, SYSTEM_STATE
from pipeline.errors import ParamsError, RunError
from pipeline.imagination.environments import Environments
from pipeline.params import Settings
from pipeline.tools.preflight import data, training
from pipeline.tools.preflight.findings import Findings
from pipeline.tools.preflight.imagination import imagine
from pipeline.tools.preflight.state_memory import check_state_memory

GRAVITY = SYSTEM_STATE.part("projected_gravity")


def robot(length, seed):
    """Rows of the observation groups, and actions, of noise."""
    draw = np.random.default_rng(seed)
    states = draw.normal(size=(length, OBSERVED)).astype(np.float32)
    states[:, SYSTEM_STATE.width :] = states[:, SYSTEM_STATE.width :] > 0
    states[:, GRAVITY] /= np.linalg.norm(states[:, GRAVITY], axis=1, keepdims=True)
    return states, draw.normal(size=(length, SYSTEM_ACTION.width)).astype(np.float32)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Settings, cache and folder of a state model of robots."""
    monkeypatch.setattr(state_helpers, "walk", robot)
    monkeypatch.setattr(state_helpers, "STATES", SYSTEM_STATE.width)
    cache = state_helpers.linear_cache(tmp_path / "latents.zarr")
    values = state_helpers.state_params(steps=2, batch=8)
    return Settings(tmp_path / "params.yaml", values), cache, tmp_path


def test_a_state_model_is_trained_reloaded_rolled_out_and_imagined(small):
    settings, cache, folder = small
    found = Findings()
    training.exercise(settings, cache, folder, found)
    imagine(cache, folder / "model", found)
    check_state_memory(settings, settings, cache, 8, found)
    assert [line.partition(":")[0] for line in found.verified] == [
        *("windows", "train", "checkpoint of step 2", "model", "sampling"),
        *("imagination off", "imagination on", "imagination off"),
        "memory, counted in one update",
    ]
    assert "64 environments, 5 steps" in found.verified[6]
    assert found.not_verified == []


def test_rewards_that_are_not_finite_are_noticed(small, monkeypatch):
    settings, cache, folder = small
    training.exercise(settings, cache, folder, Findings())
    whole = Environments.step

    def step(self, action):
        stepped = whole(self, action)
        stepped.reward[0] = torch.nan
        return stepped

    monkeypatch.setattr(Environments, "step", step)
    with pytest.raises(RunError, match="imagination: a reward or an observation is not finite"):
        imagine(cache, folder / "model", Findings())


def test_a_batch_too_large_for_the_device_is_answered_with_one_that_fits(small):
    settings, cache, _ = small
    found = Findings()
    check_state_memory(settings, settings, cache, 8, found)
    needed = float(found.verified[0].split(" need ")[1].split()[0])
    with pytest.raises(ParamsError, match=r"train\.accumulation: \d fits$"):
        check_state_memory(settings, settings, cache, 0.9 * needed, Findings())
    with pytest.raises(ParamsError, match=r"no accumulation fits; lower train\.state\.forecast"):
        check_state_memory(settings, settings, cache, 1e-6, Findings())


@pytest.mark.parametrize(
    ("widths", "drift"),
    [
        ({"state_dim": 53}, "system_termination: expected 45+8+1, found 53"),
        ({"action_dim": 11}, "group system_action: expected 12, found 11"),
    ],
    ids=["a state of 53 numbers", "an action of 11"],
)
def test_a_group_of_another_width_is_drift(widths, drift, monkeypatch):
    monkeypatch.setattr(data, "promises_groups", lambda settings: True)
    monkeypatch.setattr(data, "frame_size", lambda settings: None)
    found, right = Findings(), {"state_dim": OBSERVED, "action_dim": SYSTEM_ACTION.width}
    settings = Settings(Path("params.yaml"), PARAMS)
    data._check_shards(settings, data.Specified(), SimpleNamespace(**right), found)
    assert (found.drift, len(found.verified)) == ([], 2)
    data._check_shards(settings, data.Specified(), SimpleNamespace(**{**right, **widths}), found)
    assert [line.endswith(drift) for line in found.drift] == [True]


def test_columns_that_are_no_groups_are_drift_and_are_not_imagined(small, monkeypatch):
    _, cache, folder = small
    monkeypatch.setattr(data, "promises_groups", lambda settings: True)
    settings, found = Settings(Path("params.yaml"), {**PARAMS, "encoder": "state"}), Findings()
    data._check_latents(settings, data.Specified(), cache, found)
    assert found.drift == []
    monkeypatch.setitem(vars(cache), "states", 2 * np.array(cache.states))
    data._check_latents(settings, data.Specified(), cache, found)
    assert len(found.drift) == 1
    assert found.drift[0].startswith("values of the groups: expected gravity of length 1")
    imagine(cache, folder, found)
    assert found.not_verified[-1].startswith("imagination: the data set has no")
