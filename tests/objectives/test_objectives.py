"""Every objective keeps its promises."""

import pytest
import torch
from helpers import default, every, member_of, scaled_error
from pydantic import ValidationError

from pipeline.diffusion import Weighting
from pipeline.diffusion.loss import frame_losses
from pipeline.families import OBJECTIVES
from pipeline.noise import Levels
from pipeline.noise.gaussian import Schedule, betas
from pipeline.noise.levels import CLEAN, draw_levels
from pipeline.testing.objectives import ObjectiveTests

SCHEDULES = [(name, zero) for name in ("linear", "squared_cosine") for zero in (False, True)]


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


class TestEveryObjective(ObjectiveTests):
    @pytest.fixture(scope="class", params=every(OBJECTIVES))
    @classmethod
    def member(cls, request):
        return member_of(OBJECTIVES, request.param)


@pytest.mark.parametrize("name", ["x", "v", "flow"])
def test_the_last_level_leaves_no_signal(name, latents):
    clean, noise, level = latents
    assert torch.equal(build(name).noised(clean, noise, torch.full_like(level, 999)), noise)


@pytest.mark.parametrize(("schedule", "zero"), SCHEDULES)
def test_signal_fades_from_level_to_level_and_vanishes_only_if_asked_to(schedule, zero):
    power = (1 - betas(Schedule(schedule=schedule, zero_terminal_snr=zero, shift=1))).cumprod(0)
    assert (power.diff() < 0).all()
    assert power[0] > 0.999
    assert (power[-1] == 0) == zero


def test_the_noise_cannot_be_predicted_where_nothing_else_is_left():
    with pytest.raises(ValidationError, match="eps cannot be trained with zero_terminal_snr"):
        build("eps", zero_terminal_snr=True)


@pytest.mark.parametrize(
    ("schedule", "shift"), [("squared_cosine", 1.0), ("linear", 100.0), ("linear", 1.0)]
)
def test_a_step_finds_the_noise_of_eps_again_where_hardly_any_signal_is_left(
    schedule, shift, latents
):
    chosen = build("eps", schedule=schedule, zero_terminal_snr=False, shift=shift)
    noisy, output, level = latents
    last, next_level = torch.full_like(level, 999), torch.full_like(level, 979)
    clean = chosen.to_clean(output, noisy, last)
    alpha, sigma = chosen.scales(next_level)
    moved = chosen.step(noisy, clean, last, next_level)
    assert scaled_error(moved, alpha * clean + sigma * output) < 1e-5


def scales(name, **changes):
    """alpha and sigma of every level, float64 [2, 1000]."""
    return build(name, **changes).table[:, :-1].double()


@pytest.mark.parametrize("shift", [0.5, 3.0, 8.0])
@pytest.mark.parametrize("name", every(OBJECTIVES))
def test_a_shift_divides_the_root_of_snr_at_every_level(name, shift):
    (alpha, sigma), (shifted, wider) = scales(name), scales(name, shift=shift)
    torch.testing.assert_close(shifted * sigma * shift, alpha * wider, rtol=1e-6, atol=0)
    total = shifted + wider if name == "flow" else shifted**2 + wider**2
    torch.testing.assert_close(total, torch.ones_like(total))


@pytest.mark.parametrize("name", ["x", "v", "flow"])
def test_a_shift_leaves_both_ends_where_they_are(name):
    shifted = build(name, shift=8.0)
    assert shifted.table[:, 999].tolist() == [0, 1]
    assert shifted.table[:, CLEAN].tolist() == [1, 0]


def test_a_shift_of_a_flow_is_esser_and_colleagues_timesteps():
    left = (torch.arange(1000, dtype=torch.float64) + 1) / 1000
    torch.testing.assert_close(
        scales("flow", shift=3.0)[1].float(), (3 * left / (1 + 2 * left)).float()
    )


@pytest.mark.parametrize("name", every(OBJECTIVES))
def test_no_shift_is_the_schedule_as_it_was(name):
    found = build(name, shift=1.0).table[:, :-1]
    if name == "flow":
        time = 1 - (torch.arange(1000, dtype=torch.float64) + 1) / 1000
        expected = torch.stack([time, 1 - time])
    else:
        power = (1 - betas(default(OBJECTIVES, name)[1])).cumprod(0)
        expected = torch.stack([power.sqrt(), (1 - power).sqrt()])
    assert torch.equal(found, expected.float())


@pytest.mark.parametrize("shift", [0.25, 8.0])
@pytest.mark.parametrize("name", every(OBJECTIVES))
def test_steps_and_answers_follow_a_shift(name, shift, latents):
    clean, noise, level = latents
    objective, level = build(name, shift=shift), level.clamp(20, 980)
    noisy = objective.noised(clean, noise, level)
    answer = objective.target(clean, noise, level)
    tolerance = {"atol": 5e-3, "rtol": 1e-3}
    torch.testing.assert_close(objective.to_clean(answer, noisy, level), clean, **tolerance)
    next_level = level // 2
    moved = objective.step(noisy, clean, level, next_level)
    torch.testing.assert_close(moved, objective.noised(clean, noise, next_level), **tolerance)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("eps", lambda snr: snr.clamp(max=5) / snr),
        ("v", lambda snr: snr.clamp(max=5) / (snr + 1)),
        ("x", lambda snr: snr.clamp(max=5)),
    ],
)
def test_the_weights_are_those_of_the_paper(name, form):
    objective, level = build(name), torch.arange(1, 999)[None]
    alpha, sigma = (scale.double().flatten() for scale in objective.scales(level))
    expected = form((alpha / sigma).square())
    weights = objective.min_snr(level, 5.0)[0].double()
    torch.testing.assert_close(weights, expected, rtol=1e-4, atol=1e-7)


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


def levels(**changes):
    chosen = {"distribution": "uniform", "mean": 0, "std": 1, "per": "frame", "prefix": 0}
    return Levels.model_validate({**chosen, **changes})


def test_levels_are_uniform_and_prefixes_clean(generator):
    drawn = draw_levels(levels(prefix=0.5), 20000, 4, 1000, generator)
    clean = drawn == CLEAN
    assert float(clean[:, 0].float().mean()) == pytest.approx(0.5, abs=0.02)
    assert not clean[:, -1].any()
    assert (clean[:, :-1].long().diff(dim=1) <= 0).all()
    lengths = clean.sum(1)[clean[:, 0]]
    for length in (1, 2, 3):
        assert float((lengths == length).float().mean()) == pytest.approx(1 / 3, abs=0.02)
    noisy = drawn[~clean].float()
    assert float(noisy.mean()) == pytest.approx(499.5, abs=6)
    assert float(noisy.std()) == pytest.approx(1000 / 12**0.5, abs=6)
    independent = drawn[~clean[:, 0]].float().T.corrcoef()
    assert float((independent - torch.eye(4)).abs().max()) < 0.05


def test_without_prefixes_every_frame_is_noisy(generator):
    assert (draw_levels(levels(), 100, 4, 1000, generator) >= 0).all()


def test_logit_normal_levels_have_the_published_distribution(generator):
    drawn = draw_levels(levels(distribution="logit_normal"), 100_000, 4, 1000, generator)
    shares = [float((drawn < count).float().mean()) for count in (119, 269, 500, 731, 881)]
    expected = [0.02275, 0.1587, 0.5, 0.8413, 0.97725]  # sigmoid of -2, -1, 0, 1, 2
    assert shares == pytest.approx(expected, abs=0.004)
    # Levels next to clean, which sampling shows to the network, are hardly ever drawn.
    assert float((drawn <= 20).float().mean()) < 3e-4
    assert (drawn.min(), drawn.max()) >= (0, 0)
    assert drawn.max() <= 999


def test_one_level_a_clip_is_shared_by_its_frames(generator):
    drawn = draw_levels(levels(per="clip"), 500, 4, 1000, generator)
    assert (drawn == drawn[:, :1]).all()
    assert drawn.unique().numel() > 300
