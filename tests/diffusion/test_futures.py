"""Futures are the rollouts of a world model, one for each sequence of actions."""

from dataclasses import replace

import pytest
import torch
from helpers import every
from rollout_helpers import planning_inputs, precise, randomised
from train_helpers import sampling, world_model

from pipeline.diffusion.compiled import Compiled
from pipeline.diffusion.futures import Futures
from pipeline.objectives import OBJECTIVES
from pipeline.samplers import SAMPLERS


def each_episode(model, history, past, actions, noise, protocol):
    """Plain rollouts, episode after episode, of a history and actions for each sequence."""
    return torch.stack(
        [
            model.rollout(
                history[b].expand(len(each), *history[b].shape),
                torch.cat([past[b].expand(len(each), *past[b].shape), each], 1),
                noise.part(b, b + 1),
                protocol,
            )
            for b, each in enumerate(actions)
        ]
    )


def assert_rollouts(model, protocol, generator, rows=4, **sizes):
    """Futures, a few rows at a time, are plain rollouts."""
    history, past, actions, noise = planning_inputs(model, generator, **sizes)
    expected = each_episode(model, history, past, actions, noise, protocol)
    found = Futures(model, history, past).rollout(actions, noise, protocol, rows)
    assert found.shape == (*actions.shape[:3], *model.spec.latent_shape)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    assert (expected.std(1).amax((1, 2, 3, 4)) > 1e-2).all()  # the sequences matter


@pytest.mark.parametrize("history_len", [1, 2, 3, 6])
@pytest.mark.parametrize(("new", "steps"), [(2, 1), (7, 2)])  # inside the window, and beyond it
@pytest.mark.parametrize("sampler", every(SAMPLERS))
def test_they_are_the_rollouts_of_each_sequence(cache, generator, sampler, new, steps, history_len):
    model = precise(world_model(cache))
    assert_rollouts(
        model, sampling(sampler, steps=steps), generator, history_len=history_len, new=new
    )


@pytest.mark.parametrize("injection", ["adaln", "adaln_fuse", "film", "cross_attention"])
def test_however_actions_are_injected(cache, generator, injection):
    model = precise(world_model(cache, injection=injection))
    assert_rollouts(model, sampling(steps=2), generator, history_len=2, new=4)


@pytest.mark.parametrize("objective", OBJECTIVES.names())
def test_whatever_is_predicted(cache, generator, objective):
    model = precise(world_model(cache, objective=objective))
    assert_rollouts(model, sampling(steps=2), generator, history_len=2)


@pytest.mark.parametrize("options", [{"context": 2}, {"generate": 1}, {"spacing": "linspace"}])
def test_whatever_a_window_holds(cache, generator, options):
    model = precise(world_model(cache))
    assert_rollouts(model, sampling(steps=2, **options), generator, history_len=3, new=5)


def test_a_network_that_is_not_causal_runs_all_frames(cache, generator):
    model = precise(world_model(cache, causal=False))
    assert_rollouts(model, sampling(steps=2), generator, history_len=2, new=5)


def test_stabilised_context_is_run_for_each_sequence(cache, generator):
    model, protocol = precise(world_model(cache)), sampling(steps=2, stabilisation=0.02)
    history, past, actions, noise = planning_inputs(model, generator, history_len=2, new=5)
    context = torch.randn(2, 7, *model.spec.latent_shape, generator=generator).double()
    noise = replace(noise, context=context)
    expected = each_episode(model, history, past, actions, noise, protocol)
    found = Futures(model, history, past).rollout(actions, noise, protocol, rows=4)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("rows", [1, 2, 64])
@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_they_do_not_depend_on_how_many_are_run_at_a_time(cache, generator, rows, eta):
    model, protocol = precise(world_model(cache)), sampling(steps=2, eta=eta)
    history, past, actions, noise = planning_inputs(model, generator, new=5)
    found = []
    for size in (3, rows):
        drawn = replace(noise, generators=(torch.Generator().manual_seed(0),))
        futures = Futures(model, history, past)
        found.append(futures.rollout(actions, drawn, protocol, rows=size))
    torch.testing.assert_close(*found, rtol=0, atol=1e-10)


def test_sequences_of_an_episode_share_all_noise(cache, generator):
    model, protocol = precise(world_model(cache)), sampling(steps=3, eta=1.0)
    history, past, actions, noise = planning_inputs(model, generator)
    same = actions[:, :1].expand_as(actions)
    drawn = replace(noise, generators=(torch.Generator().manual_seed(0),))
    found = Futures(model, history, past).rollout(same, drawn, protocol, rows=2)
    torch.testing.assert_close(found, found[:, :1].expand_as(found), rtol=0, atol=1e-10)
    assert (found[0] - found[1]).abs().max() > 1e-2


def test_an_episode_that_draws_from_its_own_generator_does_not_depend_on_the_others(
    cache, generator
):
    model, protocol = precise(world_model(cache)), sampling(steps=2, eta=1.0)
    history, past, actions, noise = planning_inputs(model, generator)

    def futures(first, end):
        own = tuple(torch.Generator().manual_seed(seed) for seed in (5, 6))
        some = slice(first, end)
        made, drawn = Futures(model, history[some], past[some]), replace(noise, generators=own)
        part = drawn.part(first, end)
        # Twice, as a search does, round after round.
        return [made.rollout(actions[some], part, protocol, rows=2) for _ in range(2)]

    both, alone = futures(0, 2), [futures(0, 1), futures(1, 2)]
    for round_of_both, *rounds in zip(both, *alone, strict=True):
        torch.testing.assert_close(round_of_both, torch.cat(rounds), rtol=0, atol=1e-10)


def test_the_history_is_run_once_for_all_sequences_and_rollouts(cache, generator):
    model = precise(world_model(cache))
    history, past, actions, noise = planning_inputs(model, generator, history_len=2, new=2)
    futures, shapes = Futures(model, history, past), []
    model.denoiser.register_forward_pre_hook(lambda _, words: shapes.append(words[0].shape[:2]))
    for _ in range(2):
        futures.rollout(actions, noise, sampling(steps=2), rows=6)
    # The history in a window of 4 frames; then each frame's two steps, and the first frame again.
    assert shapes == [(2, 2), *[(6, 1)] * 5, *[(6, 1)] * 5]


def test_they_can_be_compiled(cache, generator):
    model = randomised(world_model(cache))
    history, past, actions, noise = planning_inputs(
        model, generator, history_len=2, dtype=torch.float32
    )
    model._compiled["default"] = Compiled(model.denoiser, "none")  # its caches, without a compiler
    plain, compiled = (
        Futures(model, history, past).rollout(actions, noise, sampling(steps=2, compile=mode), 4)
        for mode in ("none", "default")
    )
    assert torch.equal(plain, compiled)


def test_actions_and_noise_that_do_not_fit_are_refused(cache, generator):
    model = precise(world_model(cache))
    history, past, actions, noise = planning_inputs(model, generator)
    with pytest.raises(ValueError, match="2 actions, but 1 history frames and 3"):
        Futures(model, history, past).rollout(actions[:, :, :2], noise, sampling(steps=2), rows=4)
    with pytest.raises(ValueError, match=r"actions are \[2, 3, 3, 2, 1\], not \[2, N, F, 2, 2\]"):
        Futures(model, history, past).rollout(actions[..., :1], noise, sampling(steps=2), rows=4)
