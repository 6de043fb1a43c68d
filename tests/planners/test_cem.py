"""CEM finds the minimum of a known cost, within its bounds."""

import pytest
import torch
from helpers import default

from pipeline.planners import PLANNERS


def quadratic(plans):
    target = torch.tensor([[0.5, -0.25], [-1.0, 0.0], [0.0, 1.5]])
    return (plans - target).square().sum((1, 2))


def build(**changes):
    module, options = default(
        PLANNERS, "cem", **{"candidates": 64, "elites": 8, "rounds": 5, **changes}
    )
    return module.build(options)


def test_finds_the_minimum_of_a_quadratic(generator):
    planner = build(candidates=200, elites=20, rounds=15)
    plan = planner.plan(quadratic, torch.zeros(3, 2), generator)
    assert float(quadratic(plan[None])) < 0.01


def test_candidates_are_cut_to_the_bounds_and_so_is_the_start(generator):
    plans = []

    def cost(candidates):
        plans.append(candidates)
        return quadratic(candidates)

    plan = build(low=-0.5, high=0.75).plan(cost, torch.full((3, 2), 2.0), generator)
    candidates = torch.stack(plans)
    assert (candidates.min(), candidates.max()) == (-0.5, 0.75)
    assert (candidates[0, 0] == 0.75).all()
    torch.testing.assert_close(plan[2, 1], torch.tensor(0.75), atol=1e-3, rtol=0)


def test_a_single_bound_leaves_the_other_side_free(generator):
    plan = build(low=0.0, candidates=200).plan(quadratic, torch.zeros(3, 2), generator)
    assert plan.min() >= 0
    assert plan.max() > 1


def test_every_round_tells_the_cost_of_its_best_candidate(generator):
    costs = []

    def cost(plans):
        costs.append(quadratic(plans))
        return costs[-1]

    noises = torch.randn((5, 64, 3, 2), generator=generator)
    rounds = list(build().search(cost, torch.zeros(3, 2), noises))
    assert [result.best_cost for result in rounds] == [values.min() for values in costs]


def test_bounds_that_leave_no_room_are_refused():
    with pytest.raises(ValueError, match=r"low = 1.0 is not below high = 0.5"):
        build(low=1.0, high=0.5)
