"""Each loss noises frames, and shows the network others, as its name says."""

import pytest
import torch
from train_helpers import options, world_model

from pipeline.errors import ParamsError
from pipeline.noise.levels import CLEAN
from pipeline.train.data.batches import MicroBatch
from pipeline.train.setup import LOSSES


def batch_of(model, level):
    generator = torch.Generator().manual_seed(0)
    shape = (*level.shape, *model.spec.latent_shape)
    clean, noise = (torch.randn(shape, generator=generator) for _ in range(2))
    actions = torch.randn(
        (*level.shape, model.config.interval, model.spec.action_dim), generator=generator
    )
    return MicroBatch(clean, noise, level, actions, int((level != CLEAN).sum()))


def random_model(cache, **network):
    model = world_model(cache, **network)
    generator = torch.Generator().manual_seed(0)
    for weight in model.denoiser.parameters():
        torch.nn.init.normal_(weight, std=0.1, generator=generator)
    model.denoiser.requires_grad_(False)
    return model


def loss_of(name, model, batch):
    weighting = options().weighting.model_copy(update={"gamma": 5.0})
    return float(LOSSES[name](model, weighting)(model.denoiser, batch)[0])


def test_teacher_forcing_is_diffusion_forcing_after_every_clean_prefix(cache):
    model = random_model(cache)
    level = torch.tensor([[700, 20, 400, 999], [3, 3, 500, 0]])
    batch = batch_of(model, level)
    sums = []
    for frame in range(4):
        only = batch.level.clone()
        only[:, :frame], only[:, frame + 1 :] = CLEAN, CLEAN
        one = MicroBatch(batch.clean, batch.noise, only, batch.actions, batch.num_noisy)
        sums.append(loss_of("diffusion_forcing", model, one))
    assert loss_of("teacher_forcing", model, batch) == pytest.approx(sum(sums), rel=1e-5)


def test_bidirectional_noises_all_frames_as_the_last_one_but_for_a_clean_prefix(cache):
    model = random_model(cache, causal=False)
    drawn = torch.tensor([[CLEAN, 20, 400, 999], [3, 3, 500, 0]])
    shared = torch.tensor([[CLEAN, 999, 999, 999], [0, 0, 0, 0]])
    found = loss_of("bidirectional", model, batch_of(model, drawn))
    expected = loss_of("diffusion_forcing", model, batch_of(model, shared))
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("name", "causal"), [("teacher_forcing", False), ("bidirectional", True)])
def test_a_network_that_sees_too_much_or_too_little_is_refused(cache, name, causal):
    model = world_model(cache, causal=causal)
    said = f"train.loss = '{name}'.*denoisers.nanowm.causal = {str(causal).lower()}.*set it to"
    with pytest.raises(ParamsError, match=said):
        LOSSES[name](model, options().weighting)
