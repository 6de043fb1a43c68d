"""Every planner finds the minimum of a cost that is known."""

import numpy as np
import pytest
import torch
from helpers import default, every, golden

from pipeline.variants import PLANNERS


@pytest.fixture(params=every(PLANNERS))
def planner(request):
    module, options = default(PLANNERS, request.param, candidates=200, elites=20, rounds=15)
    return module.build(options)


def quadratic(plans):
    target = torch.tensor([[0.5, -0.25], [-1.0, 0.0], [0.0, 1.5]])
    return (plans - target).square().sum((1, 2))


def test_finds_the_minimum_of_a_quadratic(planner, generator):
    plan = planner.plan(quadratic, torch.zeros(3, 2), generator)
    assert float(quadratic(plan[None])) < 0.01


def test_the_same_generator_gives_the_same_plan(planner):
    plans = [
        planner.plan(quadratic, torch.zeros(3, 2), torch.Generator().manual_seed(5))
        for _ in range(2)
    ]
    assert torch.equal(*plans)


def test_it_sees_nothing_but_the_cost_of_finite_plans(planner, generator):
    seen = []

    def cost(plans):
        seen.append(plans.shape)
        assert plans.isfinite().all()
        return plans.square().sum((1, 2))

    planner.plan(cost, torch.ones(4, 3), generator)
    assert {shape[1:] for shape in seen} == {(4, 3)}


def test_every_round_of_the_cross_entropy_method_is_the_references():
    arrays = golden("cem")
    module, options = default(PLANNERS, "cem", candidates=32, elites=6, rounds=6)
    planner, noise = module.build(options), arrays("noise")
    weights, start, goal = arrays("W"), arrays("obs0"), arrays("obsg")
    for batch in range(2):

        def cost(plans, batch=batch):
            end = start[batch].flatten() + (plans @ weights).sum(1)
            return (end - goal[batch].flatten()).square().mean(1)

        for number in range(6):
            mean, spread = arrays("plain/mu")[number, batch], arrays("plain/sigma")[number, batch]
            mean, spread = planner.refit(cost, mean, spread, noise[number, batch])
            expected = (
                arrays("plain/mu")[number + 1, batch],
                arrays("plain/sigma")[number + 1, batch],
            )
            np.testing.assert_allclose(mean, expected[0], atol=1e-5)
            np.testing.assert_allclose(spread, expected[1], atol=1e-5)
