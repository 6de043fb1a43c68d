"""A model from pixels to pixels, as users of torch expect it to behave."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from pipeline import encoders
from pipeline.diffusion.world_model import WorldModel as Dynamics
from pipeline.errors import UserError


def seeded():
    return torch.Generator().manual_seed(3)


def test_frames_and_actions_become_the_frames_that_follow(model, frames, actions):
    future = model.rollout(frames, actions, generator=seeded())
    assert future.shape == (2, 6, 16, 16, 3)
    assert future.dtype == np.uint8
    assert future.std() > 1


def test_it_is_codec_and_dynamics_one_after_the_other(model, pair, frames, actions):
    dynamics = Dynamics.from_pretrained(pair / "world_model")
    _, codec = encoders.load(pair / "codec")
    history = torch.from_numpy(frames[0]).permute(0, 3, 1, 2)
    history = dynamics.spec.whiten(codec.encode(history).mean)[None]
    chunks = torch.from_numpy(actions[0]).reshape(1, 8, 2, 2)
    latents = dynamics.dream(history, chunks, seeded(), steps=4)
    expected = codec.decode(dynamics.spec.unwhiten(latents[0])).permute(0, 2, 3, 1)
    assert np.array_equal(model.rollout(frames[0], actions[0], generator=seeded()), expected)


def test_frames_come_back_as_they_were_given(model, frames, actions):
    one = model.rollout(frames[0], actions[0], generator=seeded())
    assert one.shape == (6, 16, 16, 3)
    tensors = torch.from_numpy(frames[0]), torch.from_numpy(actions[0])
    assert torch.equal(model.rollout(*tensors, generator=seeded()), torch.from_numpy(one))
    single = model.rollout(frames[0, 0], actions[0], generator=seeded())
    assert single.shape == (8, 16, 16, 3)
    assert np.array_equal(single, model.rollout(frames[0, :1], actions[0], generator=seeded()))


def test_without_a_generator_torch_s_own_draws(model, frames, actions):
    torch.manual_seed(0)
    first = model.rollout(frames, actions)
    second = model.rollout(frames, actions)
    torch.manual_seed(0)
    assert np.array_equal(model.rollout(frames, actions), first)
    assert not np.array_equal(second, first)


def test_latents_are_those_of_the_cache_and_frames_come_back(model, cache, folder_of_latents):
    from pipeline.episodes import shards

    episode = next(shards.read(folder_of_latents / "shards"))
    latents = model.encode(episode.frames)
    expected = cache.latents(np.arange(len(episode)), None)
    torch.testing.assert_close(latents, expected, atol=0.05, rtol=0)  # in bfloat16 and float16
    assert torch.equal(model.encode(episode.frames[None, 0])[0], latents[0])
    decoded = model.decode(latents)
    assert decoded.shape == episode.frames.shape
    assert torch.equal(model.decode(latents[0]), decoded[0])


def test_frames_of_another_size_are_resized_as_in_training(model, frames):
    large = np.repeat(np.repeat(frames, 2, -3), 2, -2)
    view = model.dynamics.spec.view
    resized = view.apply(large[0]).permute(0, 2, 3, 1)
    assert torch.equal(model.encode(large[0]), model.encode(resized))
    assert model.decode(model.encode(large)).shape == frames.shape


def test_it_is_a_torch_module(model):
    assert isinstance(model, nn.Module)
    weights = sum(weight.numel() for weight in model.parameters())
    assert weights == model.dynamics.parameters()
    assert (model.device, model.dtype) == (torch.device("cpu"), torch.float32)
    assert not model.training
    assert model.eval() is model.to("cpu") is model.float() is model
    assert repr(model).splitlines()[1] == "  codec patch_pca, latents 3 x 4 x 4"


def test_copies_and_pickles_are_the_same_model(model, frames, actions):
    expected = model.rollout(frames, actions, generator=seeded())
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert np.array_equal(other.rollout(frames, actions, generator=seeded()), expected)
    other.denoiser.pos_embed.data.zero_()
    assert np.array_equal(model.rollout(frames, actions, generator=seeded()), expected)


def test_it_computes_in_less_under_autocast(model, frames, actions):
    full = model.rollout(frames, actions, generator=seeded())
    with torch.autocast("cpu", torch.bfloat16):
        less = model.rollout(frames, actions, generator=seeded())
        state, draws = model.reset(frames, actions[:, :4]), seeded()
        _, stepped = model.step(state, actions[:, 4:6], generator=draws)
    assert 0 < np.abs(less.astype(int) - full).mean() < 5
    assert np.abs(stepped.astype(int) - less[:, 0]).mean() < 1


def test_arrays_that_may_not_be_written_to_will_do(model, frames, actions):
    expected = model.rollout(frames, actions, generator=seeded())
    frames.flags.writeable = actions.flags.writeable = False
    assert np.array_equal(model.rollout(frames, actions, generator=seeded()), expected)


def test_codec_and_dynamics_follow_to_another_device(model):
    followed = model.to("meta")
    assert followed.device == followed.dynamics.device == torch.device("meta")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f, a: (f.astype(float), a), r"frames are float64 \[2, 3, 16, 16, 3\], not uint8"),
        (lambda f, a: (f[..., :1], a), r"frames are uint8 \[2, 3, 16, 16, 1\], not"),
        (lambda f, a: (f[:, :0], a), r"frames are uint8 \[2, 0, 16, 16, 3\], not"),
        (lambda f, a: (f[None], a), r"frames are \[1, 2, 3, 16, 16, 3\], not \[T, H, W, 3\]"),
        (lambda f, a: (f, a[0]), r"actions are \[16, 2\], not \[2, N, 2\]"),
        (lambda f, a: (f, a[:1]), "1 sequences of actions, but 2 of frames"),
        (lambda f, a: (f, a[..., :1]), r"actions are \[2, 16, 1\], not \[2, N, 2\]"),
        (lambda f, a: (f, a[:, :7]), "7 actions, which is no multiple of 2"),
        (lambda f, a: (f, a[:, :4]), "4 actions, but 3 frames are given, which take 4 already"),
        (lambda f, a: (f, a * np.nan), "actions hold NaN or infinity"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(model, frames, actions, change, message):
    with pytest.raises(UserError, match=message):
        model.rollout(*change(frames, actions))


def test_options_that_do_not_fit_are_told_in_one_line(model, frames, actions):
    with pytest.raises(UserError, match="sampler = 'sequence' is unknown"):
        model.rollout(frames, actions, sampler="sequence")
    with pytest.raises(UserError, match=r"latents are \[4, 4\], not \[..., 3, 4, 4\]"):
        model.decode(torch.zeros(4, 4))
    with pytest.raises(UserError, match=r"float32, not torch.float16; .* torch.autocast"):
        model.half()
    assert model.dtype == torch.float32
