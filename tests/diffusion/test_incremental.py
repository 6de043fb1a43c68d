"""Frame by frame, a rollout is what it is at once."""

import pytest
import torch
from rollout_helpers import randomised, rollout_inputs
from train_helpers import sampling, world_model

from pipeline.diffusion.incremental import next_window, window_of
from pipeline.diffusion.sampling import Noise
from pipeline.objectives import OBJECTIVES

NEW = 7  # the window slides over four frames


def stepped(model, history, actions, noise, steps):
    scaled, known = model.model_actions(actions), history.shape[1] - 1
    length = model.config.frames
    window = window_of(model.denoiser, length, history, scaled[:, :known])
    for index in range(noise.start.shape[1]):
        window = next_window(
            model.denoiser,
            model.objective,
            length,
            window,
            scaled[:, known + index],
            noise.start[:, index],
            steps,
        )
        yield window.frames[:, -1]


@pytest.mark.parametrize("history_len", [1, 3, 6])
@pytest.mark.parametrize("objective", OBJECTIVES.names())
def test_steps_are_the_rollout_to_the_bit(cache, generator, objective, history_len):
    model = randomised(world_model(cache, objective=objective))
    inputs = rollout_inputs(model, generator, history_len, NEW)
    expected = model.rollout(*inputs, sampling(steps=3))
    assert torch.equal(torch.stack([*stepped(model, *inputs, 3)], 1), expected)


@pytest.mark.parametrize("injection", ["none", "adaln", "film", "cross_attention"])
def test_however_actions_are_injected(cache, generator, injection):
    model = randomised(world_model(cache, injection=injection))
    inputs = rollout_inputs(model, generator, 2, NEW)
    expected = model.rollout(*inputs, sampling(steps=2))
    assert torch.equal(torch.stack([*stepped(model, *inputs, 2)], 1), expected)


def test_a_network_that_is_not_causal_generates_one_frame_a_window(cache, generator):
    model = randomised(world_model(cache, causal=False))
    inputs = rollout_inputs(model, generator, 2, NEW)
    expected = model.rollout(*inputs, sampling(steps=2, generate=1))
    assert torch.equal(torch.stack([*stepped(model, *inputs, 2)], 1), expected)


def test_a_rollout_shorter_than_the_window_differs_by_rounding_alone(cache, generator):
    model = randomised(world_model(cache, frames=8))
    inputs = rollout_inputs(model, generator, 1, 3)
    expected = model.rollout(*inputs, sampling(steps=2))
    torch.testing.assert_close(torch.stack([*stepped(model, *inputs, 2)], 1), expected)


def test_a_window_has_many_futures(cache, generator):
    model = randomised(world_model(cache))
    history, actions, noise = rollout_inputs(model, generator, 1, 3)
    expected = [*stepped(model, history, actions, noise, 2)]
    scaled = model.model_actions(actions)

    def after(window, action, index):
        start = noise.start[:, index]
        parts = (model.denoiser, model.objective, model.config.frames, window)
        return next_window(*parts, action, start, 2)

    first = after(window_of(model.denoiser, 4, history, scaled[:, :0]), scaled[:, 0], 0)
    second = after(first, scaled[:, 1], 1)
    other = after(first, -scaled[:, 1], 1)  # in between, another future
    third = after(second, scaled[:, 2], 2)
    assert torch.equal(third.frames[:, -1], expected[-1])
    assert not torch.equal(other.frames, second.frames)
    assert isinstance(noise, Noise)
