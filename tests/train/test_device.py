"""Nothing leaves the device on the way: `meta` stands in for a GPU, and refuses what a GPU would.

A tensor of another device among its own raises there, and so does a number that the host asks for.
"""

import pytest
import torch
from helpers import every
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from train_helpers import QUICK, options, sampling, world_model

from pipeline.diffusion.sample import ddim_timesteps, sample
from pipeline.diffusion.world_model import WorldModel
from pipeline.latents.windows import Windows
from pipeline.objectives import OBJECTIVES
from pipeline.samplers import SAMPLERS
from pipeline.train import optimiser
from pipeline.train.setup import trainer_of

META = torch.device("meta")


@pytest.fixture(params=every(OBJECTIVES))
def model(request, cache):
    return WorldModel(world_model(cache, objective=request.param).config, META)


def test_meta_refuses_what_a_gpu_would():
    there = torch.zeros(3, device=META)
    with pytest.raises(RuntimeError, match="device"):
        there + torch.zeros(3)
    with pytest.raises(RuntimeError, match="meta tensors"):
        there.sum().item()


@pytest.mark.parametrize("order", every(SAMPLERS))
def test_a_rollout_stays_where_the_model_is(model, order, generator):
    history = torch.randn((2, 3, *model.spec.latent_shape), generator=generator)
    actions = torch.randn((2, 3 - 1 + 6, 2, 2), generator=generator)
    sampler = sampling(order, steps=2, stabilisation=0.0)
    noise = sampler.noise(2, 3, 6, model.spec.latent_shape, generator)
    rollout = model.rollout(history, actions, noise, sampler)
    assert (rollout.device, rollout.shape) == (META, (2, 6, *model.spec.latent_shape))


class Uploads(TorchDispatchMode):
    """Counts what is copied from the host to `meta`."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        outputs = func(*args, **(kwargs or {}))
        inputs = {leaf.device.type for leaf in tree_leaves((args, kwargs)) if torch.is_tensor(leaf)}
        devices = {leaf.device.type for leaf in tree_leaves(outputs) if torch.is_tensor(leaf)}
        self.count += "cpu" in inputs and "meta" in devices
        return outputs


def test_uploads_are_counted():
    with Uploads() as uploads:
        torch.zeros(3).to(META) + torch.zeros(3, device=META)
        torch.zeros(3, device=META).copy_(torch.zeros(3))
    assert uploads.count == 2


@pytest.mark.parametrize("order", every(SAMPLERS))
def test_no_step_of_sampling_copies_from_the_host(model, order):
    """Levels go there once; what a step launches is the device's alone, as in a CUDA graph."""
    sampler, size = sampling(order).sampler, model.config.size
    window = torch.zeros((2, 4, *size.latent_shape), device=META)
    actions = torch.zeros((2, 4, size.action_dim), device=META)

    def uploads(steps):
        matrix = sampler.matrix(4, 1, ddim_timesteps(steps, model.objective.levels))
        with Uploads() as copies:
            sample(model.denoiser, model.objective, matrix, window, actions)
        return copies.count

    assert uploads(2) == uploads(9) == 1


def test_a_training_step_copies_its_clips_from_the_host_and_nothing_else(model, cache):
    quick = options(**QUICK)
    windows = Windows(cache, "train", quick.frames, quick.interval)
    one = trainer_of(model, windows, quick)
    batch = one.batches.draw(0)
    with Uploads() as clips:
        micro_batch = batch.micro_batches[0].to(META)
    assert clips.count == 4  # latents, noise, levels, actions
    with Uploads() as work:
        one.backward(micro_batch)
        optimiser.clip_grad_norm(model.denoiser, quick.clip)
    assert work.count == 0
