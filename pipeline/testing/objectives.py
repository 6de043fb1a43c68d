"""Conformance of an objective; see `pipeline.objectives.Objective`."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from pipeline.families import Module
from pipeline.objectives import OBJECTIVES, Objective
from pipeline.params import Params, Variant
from pipeline.testing.member import MemberTests

Member = Variant[Module[Objective, Params], Params]

CLEAN = -1
"""The level of a clean frame."""


@dataclass(frozen=True, slots=True)
class Example:
    """Latents to be noised, and how far.

    Attributes:
        clean: [B, T, C, h, w], standard normal.
        noise: the same.
        level: int64 [B, T], from the 10th to the 90th hundredth of the levels.
    """

    clean: Tensor
    noise: Tensor
    level: Tensor


class ObjectiveTests(MemberTests):
    """The promises of an Objective."""

    family = OBJECTIVES

    @pytest.fixture
    def objective(self, member: Member) -> Objective:
        """The objective."""
        return member.build()

    @pytest.fixture
    def example(self, objective: Objective) -> Example:
        """Latents of six clips of five frames."""
        return example_for(objective)

    def test_a_right_answer_stands_for_the_clean_latents(
        self, objective: Objective, example: Example
    ) -> None:
        clean, noise, level = example.clean, example.noise, example.level
        target, noisy = objective.target(clean, noise, level), objective.noised(clean, noise, level)
        estimate = objective.to_clean(target, noisy, level)
        torch.testing.assert_close(estimate, clean, atol=5e-3, rtol=1e-3)

    def test_a_step_leads_to_the_same_latents_with_less_noise(
        self, objective: Objective, example: Example
    ) -> None:
        clean, noise, level = example.clean, example.noise, example.level
        next_level = level // 2
        moved = objective.step(objective.noised(clean, noise, level), clean, level, next_level)
        expected = objective.noised(clean, noise, next_level)
        torch.testing.assert_close(moved, expected, atol=5e-3, rtol=1e-3)

    def test_the_last_step_leads_to_the_clean_latents(
        self, objective: Objective, example: Example
    ) -> None:
        clean, level = example.clean, example.level
        noisy = objective.noised(clean, example.noise, level)
        moved = objective.step(noisy, clean, level, torch.full_like(level, CLEAN))
        torch.testing.assert_close(moved, clean)

    def test_a_step_to_the_same_level_changes_no_bit(
        self, objective: Objective, example: Example
    ) -> None:
        for level in (example.level, torch.full_like(example.level, CLEAN)):
            noisy = objective.noised(example.clean, example.noise, level)
            assert torch.equal(objective.step(noisy, example.clean, level, level), noisy)

    def test_clean_frames_are_left_as_they_are(
        self, objective: Objective, example: Example
    ) -> None:
        level = torch.full_like(example.level, CLEAN)
        assert torch.equal(objective.noised(example.clean, example.noise, level), example.clean)

    def test_a_higher_level_is_noisier(self, objective: Objective) -> None:
        signal, std = scales(objective, torch.arange(objective.levels)[None])
        assert (signal.diff() <= 0).all()
        assert (std.diff() >= 0).all()
        assert ((signal.diff() < 0) | (std.diff() > 0)).all()

    def test_renewed_noise_keeps_the_std_of_the_level(self, objective: Objective) -> None:
        """A step draws the share eta of its noise anew; objectives need not be able to."""
        if not objective.stochastic_steps:
            pytest.skip("its steps are deterministic")
        generator = torch.Generator().manual_seed(0)
        shape = (4, 50, 4, 8, 8)
        clean, noise, drawn = (torch.randn(shape, generator=generator) for _ in range(3))
        level = torch.full(shape[:2], objective.levels * 7 // 10)
        next_level = torch.full(shape[:2], objective.levels // 2)
        signal, std = (scale[..., None, None, None] for scale in scales(objective, next_level))
        for eta in (0.3, 1.0):
            noisy = objective.noised(clean, noise, level)
            moved = objective.step(noisy, clean, level, next_level, eta, drawn)
            rest = (moved - signal * clean) / std
            assert float(rest.std()) == pytest.approx(1, abs=0.02)
            assert float((rest * drawn).mean()) > 0.02

    def test_min_snr_weighs_the_error_of_the_clean_latents(
        self, objective: Objective, example: Example
    ) -> None:
        """min_snr x an answer's error is min(SNR, gamma) x the error of its clean latents."""
        clean, noise, level = example.clean, example.noise, example.level
        noisy, target = objective.noised(clean, noise, level), objective.target(clean, noise, level)
        output = target + 0.1 * noise.flip(0)
        weighted = objective.min_snr(level, 5.0) * frame_mse(output, target)
        signal, std = scales(objective, level)
        error = frame_mse(objective.to_clean(output, noisy, level), clean)
        expected = (signal / std).square().clamp(max=5.0) * error
        torch.testing.assert_close(weighted, expected, atol=1e-5, rtol=1e-2)

    def test_weights_are_finite_at_every_level(self, objective: Objective) -> None:
        level = torch.arange(objective.levels)[None]
        for weight in (objective.min_snr(level, 5.0), objective.reference_weight(level, 5.0)):
            assert weight.shape == level.shape
            assert weight.isfinite().all()
            assert (weight >= 0).all()

    def test_its_tables_move_to_a_device(self, objective: Objective, example: Example) -> None:
        """On torch's meta device, which computes shapes alone, a table left behind is an error."""
        meta = torch.device("meta")
        moved = objective.to(meta)
        clean, noise, level = (
            tensor.to(meta) for tensor in (example.clean, example.noise, example.level)
        )
        noisy = moved.noised(clean, noise, level)
        estimate = moved.to_clean(moved.target(clean, noise, level), noisy, level)
        stepped = moved.step(noisy, estimate, level, level)
        assert stepped.device.type == "meta"
        assert stepped.shape == clean.shape


def example_for(objective: Objective) -> Example:
    """Latents of six clips of five frames, at levels that the objective has."""
    generator = torch.Generator().manual_seed(0)
    clean, noise = (torch.randn((6, 5, 3, 4, 4), generator=generator) for _ in range(2))
    low, high = objective.levels // 10, objective.levels * 9 // 10
    return Example(clean, noise, torch.randint(low, high, (6, 5), generator=generator))


def scales(objective: Objective, level: Tensor) -> tuple[Tensor, Tensor]:
    """Scales of signal and noise [B, T] at each level, as `noised` mixes them."""
    one, zero = torch.ones(*level.shape, 1, 1, 1), torch.zeros(*level.shape, 1, 1, 1)
    signal, std = objective.noised(one, zero, level), objective.noised(zero, one, level)
    return signal[..., 0, 0, 0], std[..., 0, 0, 0]


def frame_mse(values: Tensor, expected: Tensor) -> Tensor:
    """Mean squared error of each frame, [B, T]."""
    return (values - expected).square().mean((2, 3, 4))
