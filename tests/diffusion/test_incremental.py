"""Frame by frame, a rollout is what it is at once."""

import pytest
import torch
from rollout_helpers import randomised, rollout_inputs
from train_helpers import sampling, world_model

from pipeline.diffusion.clip_noise import ClipNoise
from pipeline.diffusion.incremental import Stepper
from pipeline.objectives import OBJECTIVES

NEW = 7  # the window slides over four frames


def stepper_of(model, how):
    return Stepper(model.denoiser, model.objective, model.config.frames, how)


def stepped(model, history, actions, noise, how):
    scaled, known = model.model_actions(actions), history.shape[1] - 1
    stepper = stepper_of(model, how)
    window = stepper.begin(history, scaled[:, :known])
    for index in range(known, scaled.shape[1]):
        window = stepper.step(window, scaled[:, index], noise)
        assert window.frames.shape[1] <= model.config.frames
        yield window.frames[:, -1]


@pytest.mark.parametrize("history_len", [1, 3, 6])
@pytest.mark.parametrize("objective", OBJECTIVES.names())
def test_steps_are_the_rollout_to_the_bit(cache, generator, objective, history_len):
    model, how = randomised(world_model(cache, objective=objective)), sampling(steps=3)
    inputs = rollout_inputs(model, generator, history_len, NEW)
    expected = model.rollout(*inputs, how)
    assert torch.equal(torch.stack([*stepped(model, *inputs, how)], 1), expected)


def test_a_single_clip_is_no_exception(cache, generator):
    """Its actions are one block of memory, of which windows begin anywhere."""
    model, how = randomised(world_model(cache, interval=5)), sampling(steps=3)
    history = torch.randn((1, 1, *model.spec.latent_shape), generator=generator)
    actions = torch.randn((1, 24, 5, 2), generator=generator)
    noise = ClipNoise(0, (0,), model.spec.latent_shape, stabilised=False)
    expected = torch.cat([*model.stream(history, actions, noise, how)], 1)
    frames = torch.stack([*stepped(model, history, actions, noise, how)], 1)
    assert torch.equal(frames, expected)


@pytest.mark.parametrize(
    "options",
    [
        {"context": 1},
        {"context": 2},
        {"generate": 1},
        {"context": 2, "generate": 1},
        {"clip": True, "spacing": "linspace"},
        {"stabilisation": 0.02},
        {"stabilisation": 0.1, "context": 2, "generate": 2},
    ],
    ids=str,
)
def test_whatever_the_options_are(cache, generator, options):
    model, how = randomised(world_model(cache)), sampling(steps=2, **options)
    history, actions, _ = rollout_inputs(model, generator, 2, 8)
    stabilised = "stabilisation" in options
    noise = ClipNoise(0, (0, 1), model.spec.latent_shape, stabilised=stabilised)
    expected = torch.cat([*model.stream(history, actions, noise, how)], 1)
    frames = torch.stack([*stepped(model, history, actions, noise, how)], 1)
    assert torch.equal(frames, expected)


@pytest.mark.parametrize("injection", ["none", "adaln", "film", "cross_attention"])
def test_however_actions_are_injected(cache, generator, injection):
    model, how = randomised(world_model(cache, injection=injection)), sampling(steps=2)
    inputs = rollout_inputs(model, generator, 2, NEW)
    expected = model.rollout(*inputs, how)
    assert torch.equal(torch.stack([*stepped(model, *inputs, how)], 1), expected)


def test_a_network_that_is_not_causal_generates_one_frame_a_window(cache, generator):
    model = randomised(world_model(cache, causal=False))
    how = sampling(steps=2, generate=1, stabilisation=0.02)
    history, actions, _ = rollout_inputs(model, generator, 2, NEW)
    noise = ClipNoise(0, (0, 1), model.spec.latent_shape, stabilised=True)
    expected = torch.cat([*model.stream(history, actions, noise, how)], 1)
    frames = torch.stack([*stepped(model, history, actions, noise, how)], 1)
    assert torch.equal(frames, expected)


def test_a_rollout_shorter_than_the_window_differs_by_rounding_alone(cache, generator):
    model, how = randomised(world_model(cache, frames=8)), sampling(steps=2)
    inputs = rollout_inputs(model, generator, 1, 3)
    expected = model.rollout(*inputs, how)
    torch.testing.assert_close(torch.stack([*stepped(model, *inputs, how)], 1), expected)


def test_a_window_has_many_futures(cache, generator):
    model, how = randomised(world_model(cache)), sampling(steps=2)
    history, actions, noise = rollout_inputs(model, generator, 1, 3)
    expected = [*stepped(model, history, actions, noise, how)]
    scaled, stepper = model.model_actions(actions), stepper_of(model, how)
    first = stepper.step(stepper.begin(history, scaled[:, :0]), scaled[:, 0], noise)
    second = stepper.step(first, scaled[:, 1], noise)
    other = stepper.step(first, -scaled[:, 1], noise)  # in between, another future
    third = stepper.step(second, scaled[:, 2], noise)
    assert torch.equal(third.frames[:, -1], expected[-1])
    assert not torch.equal(other.frames, second.frames)


def test_stochastic_steps_are_refused(cache):
    with pytest.raises(ValueError, match=r"eta = 0\.5: stepping is deterministic; set it to 0"):
        stepper_of(world_model(cache, objective="v"), sampling(eta=0.5))
