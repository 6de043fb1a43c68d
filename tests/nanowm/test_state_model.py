"""State models from Python: states in the data's units in, states and probabilities out."""

import numpy as np
import pytest
import torch
from state_helpers import ACTIONS, CONTACTS, STATES, linear_cache, state_model

import nanowm
from pipeline.errors import UserError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """FOLDER/codec and FOLDER/world_model, as stages write them; the codec is never read."""
    folder = tmp_path_factory.mktemp("models") / "state"
    spec = linear_cache(folder / "latents.zarr").spec
    (folder / "codec").mkdir()
    state_model(spec).save_pretrained(folder / "world_model")
    return folder


@pytest.fixture
def model(folder):
    return nanowm.load(folder)


def test_one_function_loads_either_kind(folder, pair):
    assert isinstance(nanowm.load(folder), nanowm.StateModel)
    assert isinstance(nanowm.load(pair), nanowm.WorldModel)
    with pytest.raises(UserError, match="a state model, which predicts vectors"):
        nanowm.WorldModel.from_pretrained(folder)


def test_states_come_back_in_the_data_s_units_and_as_they_were_given(model):
    states, actions = (
        np.random.default_rng(0).normal(size=(2, 3, STATES)),
        np.zeros((2, 6, ACTIONS)),
    )
    future = model.rollout(states, actions)
    assert isinstance(future.states, np.ndarray)
    assert future.states.shape == (2, 4, STATES)
    assert future.contacts.shape == (2, 4, CONTACTS)
    assert future.termination.shape == (2, 4, 1)
    assert future.epistemic.shape == future.aleatoric.shape == (2, 4)
    assert ((future.contacts > 0) & (future.contacts < 1)).all()
    one = model.rollout(torch.from_numpy(states[0]), torch.from_numpy(actions[0]))
    torch.testing.assert_close(one.states, torch.from_numpy(future.states[0]), atol=1e-5, rtol=1e-5)
    spec = model.dynamics.spec
    history = spec.whiten(torch.from_numpy(states).float()[..., None, None])
    given = torch.zeros(2, 6, 1, ACTIONS)
    steps = [step.averaged().state for step in model.dynamics.predictions(history, given)]
    raw = spec.unwhiten(torch.stack(steps, 1)[..., None, None])[..., 0, 0]
    torch.testing.assert_close(torch.from_numpy(future.states), raw)


@pytest.mark.parametrize(
    ("states", "actions", "said"),
    [
        ((3, 5), (3, ACTIONS), r"states are \[3, 5\], not \[K, 4\] or \[B, K, 4\]"),
        ((0, STATES), (3, ACTIONS), "states are"),
        ((3, STATES), (3, 7), "actions are"),
        ((3, STATES), (2, ACTIONS), "2 x 1 actions, but 2 lead to the last of 3 states"),
    ],
)
def test_wrong_shapes_are_one_line(model, states, actions, said):
    with pytest.raises(UserError, match=said):
        model.rollout(np.zeros(states, np.float32), np.zeros(actions, np.float32))
