"""Sampling walks its matrices exactly, and as little as it must."""

import pytest
import torch
from helpers import GOLDEN, default, every, golden, member_of, scaled_error
from safetensors.torch import load_file

from pipeline.denoisers import Size
from pipeline.diffusion.sample import ddim_timesteps, sample
from pipeline.families import DENOISERS, OBJECTIVES, SAMPLERS
from pipeline.testing.samplers import SamplerTests


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


def walk(order, context=1, steps=5):
    return build(SAMPLERS, order).matrix(4, context, ddim_timesteps(steps, 1000))


def window(context=1):
    arrays = golden("dfot_samples")
    return torch.cat([arrays("context")[:, :context], arrays("init_noise")[:, context:]], 1)


class TestEverySampler(SamplerTests):
    @pytest.fixture(scope="class", params=every(SAMPLERS))
    @classmethod
    def member(cls, request):
        return member_of(SAMPLERS, request.param)


def test_the_steps_of_rollout_py_go_from_pure_noise_to_the_least():
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
@pytest.mark.parametrize("order", every(SAMPLERS))
@pytest.mark.parametrize("context", [1, 2])
@pytest.mark.parametrize("stabilised", [False, True])
def test_remembering_frames_at_rest_changes_nothing(injection, order, context, stabilised):
    model, objective = network(injection), build(OBJECTIVES, "v")
    matrix = walk(order, context)
    if stabilised:
        matrix[:, :context] = 20
    arguments = (model, objective, matrix, window(context), golden("dfot_samples")("action"))
    fast, slow = (sample(*arguments, use_kv_cache=use_kv_cache) for use_kv_cache in (True, False))
    assert scaled_error(fast, slow) < 1e-5


@pytest.mark.parametrize("objective", every(OBJECTIVES))
def test_every_objective_samples_the_same_with_and_without_memory(tiny, objective):
    chosen = build(OBJECTIVES, objective)
    arguments = (tiny, chosen, walk("sequential"), window(), golden("dfot_samples")("action"))
    fast, slow = (sample(*arguments, use_kv_cache=use_kv_cache) for use_kv_cache in (True, False))
    assert scaled_error(fast, slow) < 1e-5


def calls(model, order, context, use_kv_cache=True):
    seen = []
    handle = model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[1]))
    matrix = walk(order, context)
    arguments = (model, build(OBJECTIVES, "x"), matrix, window(context))
    sample(*arguments, golden("dfot_samples")("action"), use_kv_cache=use_kv_cache)
    handle.remove()
    return seen


def test_sequential_sampling_computes_one_frame_a_step_and_each_frame_at_rest_once(tiny):
    assert calls(tiny, "sequential", 2) == [2, *[1] * 5, 1, *[1] * 5]
    assert calls(tiny, "sequential", 2, use_kv_cache=False) == [4] * 10


def test_other_orders_leave_out_context_and_frames_not_begun(tiny):
    assert calls(tiny, "full_sequence", 1) == [1, *[3] * 5]
    assert calls(tiny, "pyramid", 1) == [1, 1, 2, 3, 3, 3, 1, 2, 1, 1]


def test_a_network_that_sees_the_future_is_given_all_frames():
    assert calls(network(causal=False), "sequential", 1) == [4] * 15


def test_frames_beyond_those_asked_for_are_not_computed(tiny):
    whole = walk("sequential", 2)
    arguments = (golden("dfot_samples")("action"),)
    objective = build(OBJECTIVES, "x")
    alone = build(SAMPLERS, "sequential").matrix(3, 2, ddim_timesteps(5, 1000))
    short = sample(tiny, objective, alone, window(2)[:, :3], *arguments)
    assert scaled_error(short, sample(tiny, objective, whole, window(2), *arguments)[:, :3]) < 1e-6


def test_clipping_keeps_every_estimate_between_one_and_minus_one(tiny):
    arguments = (tiny, build(OBJECTIVES, "x"), walk("full_sequence"), window())
    actions = golden("dfot_samples")("action")
    free, cut = (sample(*arguments, actions, clip=clip) for clip in (False, True))
    assert free[:, 1:].abs().max() > 1
    assert cut[:, 1:].abs().max() <= 1


def test_stochastic_steps_draw_fresh_noise_and_only_those(tiny, generator):
    drawn = []

    def draw_noise(like):
        drawn.append(torch.randn(like.shape, generator=generator))
        return drawn[-1]

    arguments = (tiny, build(OBJECTIVES, "v"), walk("sequential"), window())
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
