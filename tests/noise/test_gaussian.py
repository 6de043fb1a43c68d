"""Noise schedules of Gaussian diffusion."""

import pytest

from pipeline.noise.gaussian import Schedule, betas

SCHEDULES = [(name, zero) for name in ("linear", "squared_cosine") for zero in (False, True)]


@pytest.mark.parametrize(("schedule", "zero"), SCHEDULES)
def test_alpha_falls_from_level_to_level_and_is_zero_only_with_zero_terminal_snr(schedule, zero):
    alpha_bar = (1 - betas(Schedule(schedule=schedule, zero_terminal_snr=zero, shift=1))).cumprod(0)
    assert (alpha_bar.diff() < 0).all()
    assert alpha_bar[0] > 0.999
    assert (alpha_bar[-1] == 0) == zero
