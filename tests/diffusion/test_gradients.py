"""Gradients of rollouts are those of finite differences."""

import pytest
import torch
from rollout_helpers import planning_inputs, precise, rollout_inputs
from train_helpers import sampling, world_model

from pipeline.diffusion.futures import Futures
from pipeline.diffusion.sampling import Noise


@pytest.mark.parametrize(
    ("sampler", "history_len", "new", "options"),
    [
        ("sequential", 1, 2, {"steps": 1}),
        ("sequential", 2, 5, {"steps": 2}),
        ("pyramid", 1, 3, {"steps": 2}),
        ("full_sequence", 2, 3, {"steps": 2}),
        ("sequential", 1, 2, {"steps": 2, "clip": True}),
    ],
)
def test_of_a_cost_of_the_frames_by_the_actions(
    cache, generator, sampler, history_len, new, options
):
    model = precise(world_model(cache))
    history, past, actions, noise = planning_inputs(model, generator, history_len, new)
    goal = torch.randn(model.spec.latent_shape, generator=generator).double()
    protocol, futures = sampling(sampler, **options), Futures(model, history, past)

    def cost(plans):
        found = futures.rollout(plans, noise, protocol, rows=2)
        return (found - goal).square().mean((2, 3, 4, 5))

    cost(actions)  # what an earlier round of inference remembers spoils no gradient
    actions.requires_grad_()
    (gradient,) = torch.autograd.grad(cost(actions).sum(), actions)
    assert (gradient.abs().amax((-2, -1)) > 1e-9).all()  # each action matters
    assert torch.autograd.gradcheck(cost, actions, fast_mode=True)


@pytest.mark.parametrize("injection", ["adaln", "film", "cross_attention"])
def test_however_actions_are_injected(cache, generator, injection):
    model = precise(world_model(cache, injection=injection))
    history, past, actions, noise = planning_inputs(model, generator, 2, 3)
    futures = Futures(model, history, past)
    actions.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda plans: futures.rollout(plans, noise, sampling(steps=2), rows=4).mean((2, 3, 4, 5)),
        actions,
        fast_mode=True,
    )


@pytest.mark.parametrize("changes", [{"causal": False}, {}])
def test_of_a_rollout_by_all_that_it_starts_from(cache, generator, changes):
    model = precise(world_model(cache, **changes))
    history, actions, noise = rollout_inputs(model, generator, 2, 4)
    starts = [t.double().requires_grad_() for t in (history, actions, noise.start)]

    def means(history, actions, start):
        return model.rollout(history, actions, Noise(start), sampling(steps=2)).mean((2, 3, 4))

    gradients = torch.autograd.grad(means(*starts).sum(), starts)
    assert all(gradient.abs().max() > 1e-9 for gradient in gradients)
    assert torch.autograd.gradcheck(means, starts, fast_mode=True)


def test_without_a_gradient_nothing_is_kept_for_one(cache, generator):
    model = precise(world_model(cache))
    history, actions, noise = rollout_inputs(model, generator)
    arguments = (history.double(), actions.double().requires_grad_(), noise)
    tracked = model.rollout(*arguments, sampling(steps=2, compile="default"))
    assert "default" not in model._compiled
    with torch.no_grad():
        plain = model.rollout(*arguments, sampling(steps=2))
    assert tracked.requires_grad
    assert not plain.requires_grad
    assert torch.equal(tracked, plain)
