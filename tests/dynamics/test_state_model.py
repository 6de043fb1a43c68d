"""State models: their folder, their rollouts, and what loads them."""

import json

import pytest
import torch
from state_helpers import ACTIONS, STATES, linear_cache, state_model
from train_helpers import sampling, world_model

from pipeline.diffusion.world_model import WorldModel
from pipeline.dynamics.load import load_for, load_model
from pipeline.dynamics.state_model import StateModel
from pipeline.errors import DataError

CPU = torch.device("cpu")
SAMPLING = sampling()


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    return linear_cache(tmp_path_factory.mktemp("states") / "latents.zarr")


def rolled(model, history, actions):
    noise = SAMPLING.noise(len(history), history.shape[1], 1, (STATES, 1, 1), torch.Generator())
    return model.rollout(history, actions, noise, SAMPLING)


@pytest.mark.parametrize("name", ["gru", "mlp"])
def test_a_saved_model_is_the_same_to_the_bit(name, states, tmp_path):
    model = state_model(states.spec, name)
    model.save_pretrained(tmp_path / "model")
    loaded = load_for(tmp_path / "model", CPU, states)
    assert isinstance(loaded, StateModel)
    assert loaded.config == model.config
    history, actions = torch.randn(2, 3, STATES, 1, 1), torch.randn(2, 7, 1, ACTIONS)
    model.network.requires_grad_(False)
    assert torch.equal(rolled(loaded, history, actions), rolled(model, history, actions))
    assert "predicts state vectors of 4 numbers" in (tmp_path / "model/README.md").read_text()


def test_each_folder_is_loaded_as_what_it_is(states, cache, tmp_path):
    world_model(cache).save_pretrained(tmp_path / "world")
    state_model(states.spec).save_pretrained(tmp_path / "state")
    assert isinstance(load_model(tmp_path / "world"), WorldModel)
    assert isinstance(load_model(tmp_path / "state"), StateModel)
    with pytest.raises(DataError, match=r"its dataset is .*run `dvc repro`"):
        load_for(tmp_path / "state", CPU, cache)


def test_a_damaged_folder_is_one_line(states, tmp_path):
    model = state_model(states.spec)
    model.save_pretrained(tmp_path)
    values = json.loads((tmp_path / "config.json").read_text())
    values["state_model"]["options"]["width"] = 8
    (tmp_path / "config.json").write_text(json.dumps(values))
    with pytest.raises(DataError, match="other shapes"):
        load_model(tmp_path)
    values["state_model"]["name"] = "lstm"
    (tmp_path / "config.json").write_text(json.dumps(values))
    with pytest.raises(DataError, match="state_model = 'lstm' is unknown"):
        load_model(tmp_path)
    values["spec"]["latent_shape"] = [4, 2, 1]
    (tmp_path / "config.json").write_text(json.dumps(values))
    with pytest.raises(DataError, match="are no vectors"):
        load_model(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(DataError):
        load_model(tmp_path)


@pytest.mark.parametrize("name", ["gru", "mlp"])
def test_a_rollout_takes_the_last_rows_of_its_history(name, states):
    model = state_model(states.spec, name)
    model.network.requires_grad_(False)
    history, actions = torch.randn(2, 8, STATES, 1, 1), torch.randn(2, 12, 1, ACTIONS)
    whole = rolled(model, history, actions)
    assert whole.shape == (2, 5, STATES, 1, 1)
    kept = rolled(model, history[:, -3:], actions[:, 5:])
    assert torch.equal(whole, kept)
    assert torch.equal(torch.cat([*model.stream(history, actions, None, SAMPLING)], 1), whole)


def test_a_short_history_begins_with_copies_of_its_first_row(states):
    model = state_model(states.spec)
    model.network.requires_grad_(False)
    history, actions = torch.randn(2, 1, STATES, 1, 1), torch.randn(2, 4, 1, ACTIONS)
    longer = torch.cat([actions[:, :1].expand(-1, 2, -1, -1), actions], 1)
    repeated = rolled(model, history.expand(-1, 3, -1, -1, -1), longer)
    assert torch.equal(rolled(model, history, actions), repeated)


def test_each_action_changes_what_follows_and_nothing_before(states):
    model = state_model(states.spec)
    history, actions = torch.randn(1, 3, STATES, 1, 1), torch.randn(1, 7, 1, ACTIONS)
    actions.requires_grad_(True)
    future = rolled(model, history, actions)  # the first row follows from actions 0..2

    def reach(row):
        (gradient,) = torch.autograd.grad(future[:, row].sum(), actions, retain_graph=True)
        return gradient.abs().sum((0, 2, 3))

    reached = [reach(row) for row in range(5)]
    assert all((own[: 3 + row] > 0).all() for row, own in enumerate(reached))
    assert all((own[3 + row :] == 0).all() for row, own in enumerate(reached))


def test_wrong_shapes_are_named(states):
    model = state_model(states.spec)
    with pytest.raises(ValueError, match=r"history is .*not \[B, K >= 1, 4, 1, 1\]"):
        rolled(model, torch.zeros(1, 3, 5, 1, 1), torch.zeros(1, 3, 1, ACTIONS))
    with pytest.raises(ValueError, match="actions are"):
        rolled(model, torch.zeros(1, 3, STATES, 1, 1), torch.zeros(1, 3, 1, 7))
