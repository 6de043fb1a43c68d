"""Every objective keeps its promises, and the schedule is the reference's."""

import numpy as np
import pytest
import torch
from helpers import default, every, golden, scaled_error

from pipeline.train import gaussian
from pipeline.train.levels import CLEAN, draw_levels
from pipeline.variants import OBJECTIVES


@pytest.fixture(params=every(OBJECTIVES))
def objective(request):
    module, options = default(OBJECTIVES, request.param)
    return module.build(options)


@pytest.fixture
def latents(generator):
    clean, noise = (torch.randn((6, 5, 3, 4, 4), generator=generator) for _ in range(2))
    level = torch.randint(1000, (6, 5), generator=generator)
    return clean, noise, level


def test_the_schedule_is_the_references():
    arrays = golden("schedules")
    betas = gaussian.cosine_betas()
    for ours, name in (
        (betas, "squaredcos_cap_v2_ztsnr0/betas_raw"),
        (gaussian.zero_terminal_snr(betas), "squaredcos_cap_v2_ztsnr1/betas_raw"),
        (gaussian.signal_power()[:-1], "squaredcos_cap_v2_ztsnr1/alphas_cumprod"),
    ):
        np.testing.assert_allclose(ours.numpy(), arrays(name).numpy(), rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", ["x", "v"])
def test_noisy_latents_and_targets_are_the_references(name):
    module, options = default(OBJECTIVES, name)
    objective, arrays = module.build(options), golden("training_losses")
    clean, noise, level = arrays("x_start"), arrays("noise"), arrays("t2")
    noisy = objective.noised(clean, noise, level)
    assert scaled_error(noisy, arrays(f"{name}/x_t_t2")) < 1e-6


def test_a_right_answer_becomes_the_clean_latent(objective, latents):
    clean, noise, level = latents
    noisy = objective.noised(clean, noise, level)
    answer = objective.target(clean, noise, level)
    torch.testing.assert_close(
        objective.to_clean(answer, noisy, level), clean, atol=1e-5, rtol=1e-5
    )


def test_a_step_lands_on_the_less_noisy_latent(objective, latents):
    clean, noise, level = latents
    level = level.clamp(min=100)
    following = level // 2
    moved = objective.step(objective.noised(clean, noise, level), clean, level, following)
    expected = objective.noised(clean, noise, following)
    torch.testing.assert_close(moved, expected, atol=2e-3, rtol=1e-3)


def test_a_step_to_clean_is_the_clean_latent_and_standing_still_is_exact(objective, latents):
    clean, noise, level = latents
    noisy = objective.noised(clean, noise, level)
    arrived = objective.step(noisy, clean, level, torch.full_like(level, CLEAN))
    torch.testing.assert_close(arrived, clean)
    assert torch.equal(objective.step(noisy, clean, level, level), noisy)


def test_a_clean_level_adds_no_noise_and_the_last_level_leaves_no_signal(objective, latents):
    clean, noise, level = latents
    assert torch.equal(objective.noised(clean, noise, torch.full_like(level, CLEAN)), clean)
    assert torch.equal(objective.noised(clean, noise, torch.full_like(level, 999)), noise)


def test_levels_are_uniform_and_prefixes_clean(generator):
    levels = draw_levels(20000, 4, 1000, 0.5, generator)
    clean = levels == CLEAN
    assert float(clean[:, 0].float().mean()) == pytest.approx(0.5, abs=0.02)
    assert not clean[:, -1].any()
    assert (clean[:, :-1].long().diff(dim=1) <= 0).all()
    lengths = clean.sum(1)[clean[:, 0]]
    for length in (1, 2, 3):
        assert float((lengths == length).float().mean()) == pytest.approx(1 / 3, abs=0.02)
    noisy = levels[~clean].float()
    assert float(noisy.mean()) == pytest.approx(499.5, abs=6)
    assert float(noisy.std()) == pytest.approx(1000 / 12**0.5, abs=6)
    independent = levels[~clean[:, 0]].float().T.corrcoef()
    assert float((independent - torch.eye(4)).abs().max()) < 0.05


def test_without_prefixes_every_frame_is_noisy(generator):
    assert (draw_levels(100, 4, 1000, 0.0, generator) >= 0).all()
