"""Nothing leaves the device on the way: `meta` stands in for a GPU, and refuses what a GPU would.

A tensor of another device among its own raises there, and so does a number that the host asks for.
"""

import pytest
import torch
from helpers import every
from train_helpers import sampling, world_model

from pipeline.train.world_model import WorldModel
from pipeline.variants import OBJECTIVES, SAMPLERS

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
    chosen = sampling(order, steps=2, stabilisation=0.0)
    noise = chosen.noise(2, 3, 6, model.spec.latent_shape, generator)
    found = model.rollout(history, actions, noise, chosen)
    assert (found.device, found.shape) == (META, (2, 6, *model.spec.latent_shape))
