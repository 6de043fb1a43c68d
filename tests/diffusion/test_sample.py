"""Sampling follows its matrix exactly, and computes no more frames than it must."""

import pytest
import torch
from helpers import GOLDEN, default, every, golden
from safetensors.torch import load_file

from pipeline.denoisers import DENOISERS, Size
from pipeline.diffusion.sample import ddim_timesteps, sample
from pipeline.objectives import OBJECTIVES
from pipeline.samplers import SAMPLERS
from pipeline.testing.member import scaled_error


def build(family, name, *arguments, **changes):
    module, options = default(family, name, **changes)
    return module.build(options, *arguments)


def network(injection="additive", **changes):
    size = Size(latent_shape=(4, 8, 8), action_dim=3, frames=4)
    shape = {"width": 64, "depth": 4, "heads": 4}
    model = build(DENOISERS, "nanowm", size, size=shape, injection=injection, **changes)
    state = load_file(GOLDEN / f"tiny_{injection}.safetensors")
    model.load_state_dict({name: value.float() for name, value in state.items()})
    return model.requires_grad_(False)


@pytest.fixture(scope="module")
def tiny():
    return network()


def matrix_of(sampler, context=1, steps=5):
    return build(SAMPLERS, sampler).matrix(4, context, ddim_timesteps(steps, 1000))


def window(context=1):
    arrays = golden("dfot_samples")
    return torch.cat([arrays("context")[:, :context], arrays("init_noise")[:, context:]], 1)


def test_linspace_timesteps_are_those_of_rollout_py():
    ends = [0, 1, -3, -2, -1]
    # Strides of 49.95, added up ten times, are a little less than 499.5.
    assert 499 in ddim_timesteps(21, 1000, "linspace").tolist()
    assert ddim_timesteps(50, 1000, "linspace")[ends].tolist() == [
        999,
        979,
        20,
        0,
        -1,
    ]
    assert ddim_timesteps(50, 1000)[[0, 1, -3, -2, -1]].tolist() == [999, 979, 39, 19, -1]


@pytest.mark.parametrize("injection", ["additive", "adaln", "film", "cross_attention"])
@pytest.mark.parametrize("sampler", every(SAMPLERS))
@pytest.mark.parametrize("context", [1, 2])
@pytest.mark.parametrize("stabilised", [False, True])
def test_the_kv_cache_changes_no_sample(injection, sampler, context, stabilised):
    model, objective = network(injection), build(OBJECTIVES, "v")
    matrix = matrix_of(sampler, context)
    if stabilised:
        matrix[:, :context] = 20
    arguments = (model, objective, matrix, window(context), golden("dfot_samples")("action"))
    fast, slow = (sample(*arguments, use_kv_cache=use_kv_cache) for use_kv_cache in (True, False))
    assert scaled_error(fast, slow) < 1e-5


@pytest.mark.parametrize("objective", every(OBJECTIVES))
def test_every_objective_samples_the_same_with_and_without_the_kv_cache(tiny, objective):
    target = build(OBJECTIVES, objective)
    arguments = (tiny, target, matrix_of("sequential"), window(), golden("dfot_samples")("action"))
    fast, slow = (sample(*arguments, use_kv_cache=use_kv_cache) for use_kv_cache in (True, False))
    assert scaled_error(fast, slow) < 1e-5


def forwards(model, sampler, context, use_kv_cache=True):
    """Frames in each forward pass of the network."""
    lengths = []
    handle = model.register_forward_pre_hook(lambda _, inputs: lengths.append(inputs[0].shape[1]))
    matrix = matrix_of(sampler, context)
    arguments = (model, build(OBJECTIVES, "x"), matrix, window(context))
    sample(*arguments, golden("dfot_samples")("action"), use_kv_cache=use_kv_cache)
    handle.remove()
    return lengths


def test_sequential_sampling_computes_one_frame_a_step_and_each_finished_frame_once(tiny):
    assert forwards(tiny, "sequential", 2) == [2, *[1] * 5, 1, *[1] * 5]
    assert forwards(tiny, "sequential", 2, use_kv_cache=False) == [4] * 10


def test_other_samplers_skip_context_and_frames_still_at_pure_noise(tiny):
    assert forwards(tiny, "full_sequence", 1) == [1, *[3] * 5]
    assert forwards(tiny, "pyramid", 1) == [1, 1, 2, 3, 3, 3, 1, 2, 1, 1]


def test_a_network_that_is_not_causal_computes_all_frames():
    assert forwards(network(causal=False), "sequential", 1) == [4] * 15


def test_a_shorter_matrix_gives_the_same_first_frames(tiny):
    whole = matrix_of("sequential", 2)
    arguments = (golden("dfot_samples")("action"),)
    objective = build(OBJECTIVES, "x")
    alone = build(SAMPLERS, "sequential").matrix(3, 2, ddim_timesteps(5, 1000))
    short = sample(tiny, objective, alone, window(2)[:, :3], *arguments)
    assert scaled_error(short, sample(tiny, objective, whole, window(2), *arguments)[:, :3]) < 1e-6


def test_clipping_keeps_every_estimate_between_one_and_minus_one(tiny):
    arguments = (tiny, build(OBJECTIVES, "x"), matrix_of("full_sequence"), window())
    actions = golden("dfot_samples")("action")
    free, cut = (sample(*arguments, actions, clip=clip) for clip in (False, True))
    assert free[:, 1:].abs().max() > 1
    assert cut[:, 1:].abs().max() <= 1


def test_only_stochastic_steps_draw_noise(tiny, generator):
    drawn = []

    def draw_noise(like):
        drawn.append(torch.randn(like.shape, generator=generator))
        return drawn[-1]

    arguments = (tiny, build(OBJECTIVES, "v"), matrix_of("sequential"), window())
    actions = golden("dfot_samples")("action")
    plain = sample(*arguments, actions, draw_noise=draw_noise)
    assert drawn == []
    noisy = sample(*arguments, actions, eta=1.0, draw_noise=draw_noise)
    assert len(drawn) == 15
    assert torch.equal(noisy[:, :1], plain[:, :1])
    assert (noisy[:, 1:] != plain[:, 1:]).any()
    again = iter(drawn)
    slow = sample(
        *arguments, actions, eta=1.0, draw_noise=lambda _: next(again), use_kv_cache=False
    )
    assert scaled_error(noisy, slow) < 1e-5
