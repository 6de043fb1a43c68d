"""Consistency distillation: the reference's numbers, and a Gaussian whose solution is known."""

import pytest
import torch
from distill_helpers import objective_of, with_sigmas
from helpers import golden

from pipeline.diffusion.sample import ddim_timesteps
from pipeline.distill.consistency import consistent
from pipeline.trajectories.guided_steps import teacher_step


def test_a_step_is_that_of_the_reference():
    arrays = golden("distill/few_step")
    sigmas, index = arrays("sigmas").double(), int(arrays("cd_index"))
    flow = with_sigmas(sigmas)
    clean, noise = arrays("cd_clean"), arrays("cd_noise")
    level = torch.full(clean.shape[:2], len(sigmas) - 1 - index)

    def velocity(name):
        """Ours leads to the data: theirs, a x + b level, to the noise."""

        def predict(noisy, at, actions):
            free = name == "teacher" and actions is None
            kind = "teacher_unconditional" if free else name
            a, b = arrays(f"cd_{'teacher_conditional' if kind == 'teacher' else kind}")
            return -(a * noisy + b * flow.table[1, at][..., None, None, None])

        return predict

    actions = torch.zeros(1)
    noisy = flow.noised(clean, noise, level)
    guidance = float(arrays("cd_guidance"))
    moved = teacher_step(
        flow, velocity("teacher"), noisy, level, level - 1, actions, guidance=guidance
    )
    found = consistent(flow, velocity("student"), noisy, level, actions)
    target = consistent(flow, velocity("average"), moved, level - 1, actions)
    for ours, name in ((noisy, "noisy"), (moved, "next"), (found, "student_clean")):
        torch.testing.assert_close(ours, arrays(f"cd_{name}"), rtol=0, atol=1e-12)
    torch.testing.assert_close(target, arrays("cd_target"), rtol=0, atol=1e-12)
    assert float((found - target).square().mean()) == pytest.approx(float(arrays("cd_loss")), 1e-12)


@pytest.mark.parametrize("name", ["x", "flow"])
def test_the_solution_for_a_gaussian_is_consistent_in_the_limit_of_small_steps(name):
    """Data N(0, s^2): the ODE leads from z to z s / sqrt(alpha^2 s^2 + sigma^2)."""
    objective, spread = objective_of(name), 0.7
    generator = torch.Generator().manual_seed(0)
    start = torch.randn((4, 3, 2, 4, 4), generator=generator, dtype=torch.float64)

    def output_of(clean, noisy, level):
        _, sigma = objective.scales(level)
        return clean if name == "x" else (clean - noisy) / sigma

    def teacher(noisy, level, _):
        alpha, sigma = objective.scales(level)
        mean = alpha * spread**2 / (alpha**2 * spread**2 + sigma**2) * noisy
        return output_of(mean, noisy, level)

    def solution(noisy, level, _):
        alpha, sigma = objective.scales(level)
        clean = noisy * spread / (alpha**2 * spread**2 + sigma**2).sqrt()
        return output_of(clean, noisy, level)

    def defect(grid, at):
        timesteps = ddim_timesteps(grid, objective.levels)
        index = int(at * grid)
        level, after = (timesteps[index + step].expand(4, 3) for step in range(2))
        alpha, sigma = objective.scales(level)
        noisy = start * (alpha**2 * spread**2 + sigma**2).sqrt()
        moved = teacher_step(objective, teacher, noisy, level, after, None, guidance=1.0)
        ends = [
            consistent(objective, solution, frames, where, None)
            for frames, where in ((noisy, level), (moved, after))
        ]
        return float((ends[0] - ends[1]).abs().max())

    for at in (0.2, 0.5, 0.8):
        coarse, fine = defect(10, at), defect(100, at)
        assert fine < coarse / 20
        assert fine < 2e-3
