"""A Gaussian world, x after c ~ N(a c, s^2), whose trajectories and best student are known.

Its ODE leads from noise z to a c + s z; a state at a level lies at alpha a c + z sqrt(alpha^2 s^2 +
sigma^2), from which a student can read both.
"""

from types import SimpleNamespace

import pytest
import torch
from distill_helpers import objective_of

from pipeline.diffusion.sample import ddim_timesteps
from pipeline.distill.causal_ode import CausalOdeLoss, TrajectoryMicroBatch
from pipeline.trajectories.guided_steps import trajectory

A, S, KEPT = 0.6, 0.7, 4


def output_of(objective, clean, noisy, level):
    return clean if objective == "x" else (clean - noisy) / OBJECTIVES[objective].scales(level)[1]


OBJECTIVES = {name: objective_of(name) for name in ("x", "flow")}


@pytest.fixture(params=["x", "flow"])
def world(request):
    """Clean clips [P, T, 1, 2, 2], noise, states and levels of a trajectory in a fine grid."""
    name, objective = request.param, OBJECTIVES[request.param]
    generator = torch.Generator().manual_seed(0)
    shape = (32, 3, 1, 2, 2)
    clean, noise = torch.randn((2, *shape), generator=generator, dtype=torch.float64)
    mean = torch.cat([torch.zeros_like(clean[:, :1]), A * clean[:, :-1]], 1)

    def teacher(noisy, level, _):
        alpha, sigma = objective.scales(level)
        gain = alpha * S**2 / (alpha**2 * S**2 + sigma**2)
        return output_of(name, mean + gain * (noisy - alpha * mean), noisy, level)

    grid = ddim_timesteps(1000, objective.levels)
    states = trajectory(objective, teacher, noise, grid, None, kept=KEPT, guidance=1.0)
    return SimpleNamespace(
        name=name, objective=objective, clean=clean, noise=noise, mean=mean, states=states,
        levels=grid[:-1][:: 1000 // KEPT],
    )  # fmt: skip


def test_trajectories_are_those_of_the_ode(world):
    for place, level in enumerate([*world.levels[1:], torch.tensor(-1)]):
        alpha, sigma = world.objective.scales(level.expand(world.clean.shape[:2]))
        expected = alpha * world.mean + (alpha**2 * S**2 + sigma**2).sqrt() * world.noise
        torch.testing.assert_close(world.states[:, place], expected, rtol=0, atol=0.02)


class Linear(torch.nn.Module):
    """Clean frames by the noisy one and the one before, with weights of each level."""

    def __init__(self, world):
        super().__init__()
        self.world = world
        self.weights = torch.nn.Parameter(torch.zeros((KEPT, 2), dtype=torch.float64))

    def forward(self, noisy, level, actions, positions, kv_cache, clean):
        before = torch.cat([torch.zeros_like(clean[:, :1]), clean[:, :-1]], 1)
        place = (level[:, :1] == self.world.levels).long().argmax(1)
        own, past = self.weights[place][..., None, None, None, None].unbind(1)
        return output_of(self.world.name, own * noisy + past * before, noisy, level)


def test_what_a_student_regresses_is_the_solution(world):
    network = Linear(world)
    student = SimpleNamespace(objective=world.objective, model_actions=lambda actions: actions)
    loss = CausalOdeLoss(student)
    way = torch.cat([world.noise[:, None], world.states], 1)

    def total():
        parts = []
        for place, level in enumerate(world.levels):
            at = level.expand(world.clean.shape[:2])
            state, end = way[:, place], way[:, -1, 1:]
            batch = TrajectoryMicroBatch(world.clean, state, at, None, at.numel(), end=end)
            parts.append(loss(network, batch)[0])
        optimiser.zero_grad()
        torch.stack(parts).sum().backward()
        return torch.stack(parts).sum().detach()

    optimiser = torch.optim.LBFGS(network.parameters(), max_iter=50, tolerance_grad=1e-10)
    optimiser.step(total)
    assert float(total()) < 1e-3
    alpha, sigma = world.objective.scales(world.levels[None])
    gain = S / (alpha**2 * S**2 + sigma**2).sqrt().flatten()
    gain[0] = S  # what noise leads to
    known = torch.stack([gain, A * (1 - alpha.flatten() * gain)], 1)
    known[0, 1] = A
    torch.testing.assert_close(network.weights.detach(), known, rtol=0, atol=0.03)
