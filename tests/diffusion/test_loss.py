"""The training loss: which frames are scored, and the reference's form of its weights."""

import pytest
import torch
from helpers import default, every

from pipeline.diffusion import Weighting
from pipeline.diffusion.loss import frame_losses
from pipeline.noise.levels import CLEAN
from pipeline.objectives import OBJECTIVES


def build(name, **changes):
    module, options = default(OBJECTIVES, name, **changes)
    return module.build(options)


@pytest.fixture(params=every(OBJECTIVES))
def objective(request):
    return build(request.param)


@pytest.fixture
def latents(generator):
    clean, noise = (torch.randn((6, 5, 3, 4, 4), generator=generator) for _ in range(2))
    level = torch.randint(1000, (6, 5), generator=generator)
    return clean, noise, level


def test_the_references_form_averages_weights_before_they_meet_errors(latents):
    clean, noise, level = latents
    objective = build("v")
    target = objective.target(clean, noise, level)
    weighting = Weighting(gamma=5, form="reference")
    losses = frame_losses(objective, torch.zeros_like(target), target, level, weighting)
    snr = (objective.table[0] / objective.table[1]).square()[level].clamp(min=1e-8)
    error = target.square().mean((2, 3, 4))
    expected = error.mean(1) * (snr.clamp(max=5) / snr).mean(1)
    torch.testing.assert_close(losses.mean(1), expected)


def test_clean_frames_do_not_thin_the_references_weights(latents):
    clean, noise, level = latents
    objective = build("v")
    target = objective.target(clean, noise, level)
    weighting = Weighting(gamma=5, form="reference")

    def losses(level):
        return frame_losses(objective, torch.zeros_like(target), target, level, weighting)

    prefixed = level.clone()
    prefixed[:, :2] = CLEAN
    alone = frame_losses(
        objective, torch.zeros_like(target[:, 2:]), target[:, 2:], level[:, 2:], weighting
    )
    torch.testing.assert_close(losses(prefixed)[:, 2:], alone)


@pytest.mark.parametrize("form", ["per_frame", "reference"])
@pytest.mark.parametrize("gamma", [0.0, 5.0])
def test_clean_frames_are_not_scored(objective, latents, form, gamma):
    clean, noise, level = latents
    level[:, :2] = CLEAN
    target = objective.target(clean, noise, level)
    weighting = Weighting(gamma=gamma, form=form)
    losses = frame_losses(objective, target + 1, target, level, weighting)
    assert (losses[:, :2] == 0).all()
    assert (losses[:, 2:] >= 0).all()
    assert losses.isfinite().all()
