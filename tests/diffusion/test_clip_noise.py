"""Noise of a clip depends on neither its batch nor on how long the rollout is."""

import torch
from rollout_helpers import randomised, rollout_inputs
from train_helpers import sampling, world_model

from pipeline.diffusion.clip_noise import ClipNoise
from pipeline.diffusion.sampling import Noise

SHAPE = (3, 4, 4)


def noise_of(*clips, seed=0, stabilised=True):
    return ClipNoise(seed, clips, SHAPE, stabilised=stabilised)


def test_a_clip_has_the_same_noise_in_every_batch():
    both, one = noise_of(3, 7), noise_of(7)
    like = torch.empty(2, 4, *SHAPE)
    assert torch.equal(both.starts(0, 3)[1:], one.starts(0, 3))
    assert torch.equal(both.mixed(2, 5)[1:], one.mixed(2, 5))
    assert torch.equal(both.drawn(like)[1:], one.drawn(like[:1]))


def test_a_frame_has_its_noise_whatever_is_asked_for_before():
    noise = noise_of(0)
    assert torch.equal(noise.starts(5, 7), noise.starts(0, 9)[:, 5:7])


def test_clips_seeds_frames_and_purposes_differ():
    first = noise_of(0)
    draws = [
        first.starts(0, 1),
        first.starts(1, 2),
        first.mixed(0, 1),
        first.drawn(torch.empty(1, 1, *SHAPE)),
        noise_of(1).starts(0, 1),
        noise_of(0, seed=1).starts(0, 1),
    ]
    assert len({draw.flatten()[0].item() for draw in draws}) == len(draws)
    many = first.starts(0, 400)
    assert abs(many.mean().item()) < 0.02
    assert abs(many.std().item() - 1) < 0.02


def test_without_stabilisation_nothing_is_mixed_in():
    assert noise_of(0, stabilised=False).mixed(0, 3) is None


def test_a_stream_is_the_rollout_whatever_the_batch(cache, generator):
    model = randomised(world_model(cache))
    history, actions, _ = rollout_inputs(model, generator, 2, 7)
    steps = sampling(steps=2, stabilisation=0.02)
    noise = ClipNoise(0, (0, 1), model.spec.latent_shape, stabilised=True)
    streamed = [*model.stream(history, actions, noise, steps)]
    drawn = Noise(noise.starts(0, 7), noise.mixed(0, 9))
    whole = torch.cat(streamed, 1)
    assert torch.equal(whole, model.rollout(history, actions, drawn, steps))
    assert [len(window[0]) for window in streamed] == [2, 1, 1, 1, 1, 1]
    alone = ClipNoise(0, (1,), model.spec.latent_shape, stabilised=True)
    frames = torch.cat([*model.stream(history[1:], actions[1:], alone, steps)], 1)
    torch.testing.assert_close(frames, whole[1:])
