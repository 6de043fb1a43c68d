"""NanoWM computes what the reference computes, and keeps what the architecture promises."""

import json

import pytest
import torch
from helpers import GOLDEN, default, golden, scaled_error
from safetensors.torch import load_file

from pipeline.errors import ParamsError
from pipeline.train.size import Size
from pipeline.variants import DENOISERS

TINY = Size(latent_shape=(4, 8, 8), action_dim=3, frames=4)


def build(size=TINY, **changes):
    module, options = default(DENOISERS, "nanowm", **{"width": 64, "depth": 4, **changes})
    return module.build(options, size)


@pytest.fixture
def tiny():
    model = build()
    state = load_file(GOLDEN / "tiny_additive.safetensors")
    model.load_state_dict({name: value.float() for name, value in state.items()})
    return model.requires_grad_(False)


@pytest.mark.parametrize("kind", ["causal", "noncausal"])
def test_outputs_are_the_references(tiny, kind):
    arrays = golden("forward")
    model = build(causal=kind == "causal")
    model.load_state_dict(tiny.state_dict())
    with torch.no_grad():
        output = model(arrays("x"), arrays("t2"), arrays("action"))
    assert scaled_error(output, arrays(f"out/additive_{kind}_t2")) < 2e-5


@pytest.mark.parametrize(("name", "width", "heads"), [("S", 384, 6), ("B", 768, 12)])
def test_parameters_are_named_and_shaped_as_in_the_reference(name, width, heads):
    keys = json.loads((GOLDEN / "state_dict_keys.json").read_text())
    expected = keys[f"NanoWM-{name}/2_additive"]
    size = Size(latent_shape=(4, 32, 32), action_dim=7, frames=4)
    with torch.device("meta"):
        model = build(size, width=width, heads=heads, depth=12)
    assert {key: list(value.shape) for key, value in model.state_dict().items()} == expected


def test_a_frame_never_sees_later_frames(tiny):
    arrays = golden("forward")
    x, level, action = arrays("x"), arrays("t2"), arrays("action")
    before = tiny(x, level, action)
    x, level, action = x.clone(), level.clone(), action.clone()
    x[:, 2:] += 1
    level[:, 2:] = 7
    action[:, 1:] += 1
    after = tiny(x, level, action)
    assert torch.equal(before[:, :2], after[:, :2])
    assert (before[:, 2:] != after[:, 2:]).any()


def test_a_shorter_window_gives_the_same_first_frames(tiny):
    arrays = golden("forward")
    x, level, action = arrays("x"), arrays("t2"), arrays("action")
    whole = tiny(x, level, action)
    torch.testing.assert_close(tiny(x[:, :2], level[:, :2], action[:, :2]), whole[:, :2])


def test_an_action_changes_the_frame_that_it_leads_to_and_no_earlier_one(tiny):
    arrays = golden("forward")
    x, level, action = arrays("x"), arrays("t2"), arrays("action")
    changed = action.clone()
    changed[:, 1] += 1
    difference = (tiny(x, level, action) - tiny(x, level, changed)).abs().amax((0, 2, 3, 4))
    assert difference[:2].max() == 0
    assert difference[2] > 0


def test_the_last_action_of_a_window_is_never_used(tiny):
    arrays = golden("forward")
    x, level, action = arrays("x"), arrays("t2"), arrays("action")
    changed = action.clone()
    changed[:, -1] += 1
    assert torch.equal(tiny(x, level, action), tiny(x, level, changed))


def test_a_fresh_network_answers_zero_and_every_parameter_can_learn():
    model = build()
    arrays = golden("forward")
    x, level, action = arrays("x"), arrays("t2"), arrays("action")
    assert model(x, level, action).abs().max() == 0
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(3):
        optimiser.zero_grad()
        (model(x, level, action) - x).square().mean().backward()
        optimiser.step()
    dead = [name for name, p in model.named_parameters() if p.grad.abs().max() == 0]
    assert dead == []


def test_rectangular_latents_fit():
    model = build(Size(latent_shape=(4, 4, 8), action_dim=3, frames=4))
    level = torch.zeros(1, 3, dtype=torch.int64)
    output = model(torch.zeros(1, 3, 4, 4, 8), level, torch.zeros(1, 3, 3))
    assert output.shape == (1, 3, 4, 4, 8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patch": 3}, "patch = 3 does not divide latents of 8 x 8"),
        ({"width": 60}, "width = 60 must be a multiple of 4 x heads = 16"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ParamsError, match=message):
        build(**changes)
