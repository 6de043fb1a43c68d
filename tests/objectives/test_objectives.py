"""Every objective keeps its promises."""

import pytest
import torch
from helpers import default, every, member_of
from pydantic import ValidationError

from pipeline.noise.gaussian import betas
from pipeline.noise.levels import CLEAN
from pipeline.objectives import OBJECTIVES
from pipeline.testing.member import scaled_error
from pipeline.testing.objectives import ObjectiveTests


def build(name, **changes):
    module, options = default(OBJECTIVES, name, **changes)
    return module.build(options)


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


def test_eps_is_refused_with_zero_terminal_snr():
    with pytest.raises(ValidationError, match="eps cannot be trained with zero_terminal_snr"):
        build("eps", zero_terminal_snr=True)


@pytest.mark.parametrize(
    ("schedule", "shift"), [("squared_cosine", 1.0), ("linear", 100.0), ("linear", 1.0)]
)
def test_a_step_recovers_eps_where_alpha_is_nearly_zero(schedule, shift, latents):
    objective = build("eps", schedule=schedule, zero_terminal_snr=False, shift=shift)
    noisy, output, level = latents
    last, next_level = torch.full_like(level, 999), torch.full_like(level, 979)
    clean = objective.to_clean(output, noisy, last)
    alpha, sigma = objective.scales(next_level)
    moved = objective.step(noisy, clean, last, next_level)
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


def test_a_shifted_flow_has_the_timesteps_of_esser_et_al():
    left = (torch.arange(1000, dtype=torch.float64) + 1) / 1000
    torch.testing.assert_close(
        scales("flow", shift=3.0)[1].float(), (3 * left / (1 + 2 * left)).float()
    )


@pytest.mark.parametrize("name", every(OBJECTIVES))
def test_no_shift_is_the_schedule_as_it_was(name):
    table = build(name, shift=1.0).table[:, :-1]
    if name == "flow":
        time = 1 - (torch.arange(1000, dtype=torch.float64) + 1) / 1000
        expected = torch.stack([time, 1 - time])
    else:
        alpha_bar = (1 - betas(default(OBJECTIVES, name)[1])).cumprod(0)
        expected = torch.stack([alpha_bar.sqrt(), (1 - alpha_bar).sqrt()])
    assert torch.equal(table, expected.float())


@pytest.mark.parametrize("shift", [0.25, 8.0])
@pytest.mark.parametrize("name", every(OBJECTIVES))
def test_steps_and_outputs_follow_a_shift(name, shift, latents):
    clean, noise, level = latents
    objective, level = build(name, shift=shift), level.clamp(20, 980)
    noisy = objective.noised(clean, noise, level)
    output = objective.target(clean, noise, level)
    tolerance = {"atol": 5e-3, "rtol": 1e-3}
    torch.testing.assert_close(objective.to_clean(output, noisy, level), clean, **tolerance)
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
