"""Guidance in a world where it is known: x after an action a ~ N(a, s^2), a ~ N(0, 1)."""

import pytest
import torch
from distill_helpers import objective_of

from pipeline.diffusion.sample import ddim_timesteps
from pipeline.trajectories.guided_steps import told, trajectory

S = 0.5


@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_a_guided_trajectory_exaggerates_what_the_action_changes(guidance):
    """In one step from pure noise: the conditional mean is a, the other 0, so it ends at g a."""
    flow = objective_of("flow")
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn((4, 3, 1, 2, 2), generator=generator, dtype=torch.float64)
    actions = torch.randn((4, 3, 1), generator=generator, dtype=torch.float64)

    def teacher(noisy, level, given):
        known, dropped = told(given, actions)
        alpha, sigma = flow.scales(level)
        untold = torch.zeros(len(known), dtype=torch.bool) if dropped is None else dropped
        mean = known.masked_fill(untold[:, None, None], 0)[..., None, None]
        variance = torch.where(untold, S**2 + 1, S**2)[:, None, None, None, None]
        gain = alpha * variance / (alpha**2 * variance + sigma**2)
        return (mean + gain * (noisy - alpha * mean) - noisy) / sigma

    grid = ddim_timesteps(1, flow.levels)
    (end,) = trajectory(flow, teacher, noise, grid, actions, kept=1, guidance=guidance).unbind(1)
    torch.testing.assert_close(
        end, guidance * actions[..., None, None].expand_as(end), atol=3e-3, rtol=0
    )
