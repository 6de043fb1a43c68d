"""Rollouts: what a frame depends on, the sliding window, stabilisation and noise."""

import dataclasses

import pytest
import torch
from helpers import every
from rollout_helpers import rollout_inputs
from train_helpers import sampling

from pipeline.diffusion import rollout
from pipeline.diffusion.sample import ddim_timesteps, sample
from pipeline.diffusion.sampling import Noise
from pipeline.samplers import SAMPLERS
from pipeline.testing.member import scaled_error

QUICK = sampling(steps=3)


def test_a_long_rollout_begins_like_a_short_one(model, generator):
    history, actions, noise = rollout_inputs(model, generator, new=8)
    long = model.rollout(history, actions, noise, QUICK)
    assert long.shape == noise.start.shape
    short = model.rollout(history, actions[:, :5], Noise(noise.start[:, :5]), QUICK)
    torch.testing.assert_close(long[:, :5], short)


def test_a_frame_depends_on_no_frame_before_its_window(model, generator):
    history, actions, noise = rollout_inputs(model, generator, history_len=6, new=1)
    first = model.rollout(history, actions, noise, QUICK)
    before = history.clone()
    before[:, :3] = 9
    assert torch.equal(model.rollout(before, actions, noise, QUICK), first)
    inside = history.clone()
    inside[:, 3:] += 1
    assert not torch.equal(model.rollout(inside, actions, noise, QUICK), first)


@pytest.mark.parametrize(
    ("context", "generate"), [(1, 3), (2, 1), (3, 3), (1, 1), (None, None), (None, 1), (1, None)]
)
def test_the_window_keeps_its_context_and_generates_as_many_frames_as_it_may(
    model, generator, context, generate, monkeypatch
):
    shapes = []

    def spy(denoiser, objective, matrix, window, actions, **options):
        fixed = (matrix == matrix[0]).all(0)
        shapes.append((int(fixed.sum()), len(fixed) - int(fixed.sum())))
        assert actions.shape[1] == len(fixed)
        return sample(denoiser, objective, matrix, window, actions, **options)

    monkeypatch.setattr(rollout, "sample", spy)
    arguments = rollout_inputs(model, generator, new=7)
    model.rollout(*arguments, sampling(steps=1, context=context, generate=generate))
    context, generate = context or 3, generate or 3
    assert sum(num_new for _, num_new in shapes) == 7
    assert shapes[0] == (1, min(generate, 3))
    assert all(num_context <= context and num_new <= generate for num_context, num_new in shapes)
    assert all(num_context == context for num_context, _ in shapes[3:])
    assert all(num_context + num_new <= 4 for num_context, num_new in shapes)


@pytest.mark.parametrize("sampler", every(SAMPLERS))
@pytest.mark.parametrize("stabilisation", [0.0, 0.02])
def test_a_rollout_is_the_same_with_and_without_a_kv_cache(
    model, generator, sampler, stabilisation, monkeypatch
):
    protocol = sampling(sampler, steps=3, stabilisation=stabilisation)
    history, actions, _ = rollout_inputs(model, generator, history_len=2, new=7)
    noise = protocol.noise(2, 2, 7, model.spec.latent_shape, generator)
    fast = model.rollout(history, actions, noise, protocol)
    monkeypatch.setattr(
        rollout, "sample", lambda *args, **options: sample(*args, **options, use_kv_cache=False)
    )
    slow = model.rollout(history, actions, noise, protocol)
    assert scaled_error(fast, slow) < 1e-5


def test_stabilisation_noises_the_context_and_returns_clean_frames(model, generator, monkeypatch):
    protocol = sampling(steps=2, stabilisation=0.02)
    seen = []

    def spy(denoiser, objective, matrix, window, actions, **options):
        seen.append((matrix[:, 0], window[:, 0]))
        return sample(denoiser, objective, matrix, window, actions, **options)

    monkeypatch.setattr(rollout, "sample", spy)
    history, actions, _ = rollout_inputs(model, generator, new=4)
    noise = protocol.noise(2, 1, 4, model.spec.latent_shape, generator)
    result = model.rollout(history, actions, noise, protocol)
    level, context = seen[0]
    assert (level == 20).all()
    expected = model.objective.noised(history, noise.context[:, :1], torch.tensor([[20]]))
    assert torch.equal(context, expected[:, 0])
    # The next window has the returned frames as context, with their own noise, not noise twice.
    again = model.objective.noised(result[:, :1], noise.context[:, 1:2], torch.tensor([[20]]))
    assert torch.equal(seen[1][1], again[:, 0])


def test_an_action_changes_no_frame_before_the_one_that_it_leads_to(model, generator):
    history, actions, noise = rollout_inputs(model, generator, new=6)
    changed = actions.clone()
    changed[:, 3] += 1
    before, after = (model.rollout(history, a, noise, QUICK) for a in (actions, changed))
    assert torch.equal(before[:, :3], after[:, :3])
    assert (before[:, 3] != after[:, 3]).any()


@pytest.mark.parametrize("frame", [1, 4, 6])
def test_every_frame_starts_from_its_own_noise(model, generator, frame):
    history, actions, noise = rollout_inputs(model, generator, new=8)
    changed = noise.start.clone()
    changed[:, frame] += 1
    before = model.rollout(history, actions, noise, QUICK)
    after = model.rollout(history, actions, Noise(changed), QUICK)
    assert torch.equal(before[:, :frame], after[:, :frame])
    assert (before[:, frame] != after[:, frame]).any()


def test_noise_with_a_batch_of_one_is_shared_by_all(model, generator):
    history, actions, noise = rollout_inputs(model, generator)
    shared = model.rollout(history, actions, Noise(noise.start[:1]), QUICK)
    repeated = Noise(noise.start[:1].expand_as(noise.start))
    assert torch.equal(shared, model.rollout(history, actions, repeated, QUICK))


def test_stochastic_steps_draw_from_the_generator_of_the_noise(model, generator):
    protocol = sampling(steps=3, eta=1.0)
    history, actions, noise = rollout_inputs(model, generator)
    results = [
        model.rollout(
            history,
            actions,
            dataclasses.replace(noise, generators=(torch.Generator().manual_seed(seed),)),
            dataclasses.replace(protocol, sampler=QUICK.sampler),
        )
        for seed in (1, 1, 2)
    ]
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_shared_noise_is_shared_at_every_stochastic_step(model, generator):
    history, actions, noise = rollout_inputs(model, generator)
    same = (each[:1].expand_as(each) for each in (history, actions))
    shared = Noise(noise.start[:1], generators=(torch.Generator().manual_seed(0),))
    first, second = model.rollout(*same, shared, sampling(steps=3, eta=1.0))
    torch.testing.assert_close(first, second)


def test_actions_and_noise_that_do_not_fit_are_refused(model, generator):
    history, actions, noise = rollout_inputs(model, generator, history_len=2, new=3)
    with pytest.raises(ValueError, match=r"3 actions, but 2 history .* need 4"):
        model.rollout(history, actions[:, :3], noise, QUICK)
    for changes in ({"stabilisation": 0.02}, {"eta": 0.5}):
        with pytest.raises(ValueError, match="need noise of their own"):
            model.rollout(history, actions, noise, sampling(steps=2, **changes))


def test_linspace_takes_a_stepped_level_for_the_context():
    options = {
        steps: sampling(steps=steps, spacing="linspace", stabilisation=0.02).options
        for steps in (10, 50, 100)
    }
    levels = {
        steps: rollout.context_level(each, ddim_timesteps(steps, 1000, "linspace"), 1000)
        for steps, each in options.items()
    }
    assert levels == {10: 0, 50: 20, 100: 20}
