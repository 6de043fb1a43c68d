"""Every planner finds the minimum of a cost that is known."""

import pytest
import torch
from helpers import default, every

from pipeline.families import PLANNERS


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


def bounded(**changes):
    module, options = default(
        PLANNERS, "cem", **{"candidates": 64, "elites": 8, "rounds": 5, **changes}
    )
    return module.build(options)


def test_candidates_are_cut_to_the_bounds_and_so_is_the_start(generator):
    seen = []

    def cost(plans):
        seen.append(plans)
        return quadratic(plans)

    plan = bounded(low=-0.5, high=0.75).plan(cost, torch.full((3, 2), 2.0), generator)
    plans = torch.stack(seen)
    assert (plans.min(), plans.max()) == (-0.5, 0.75)
    assert (seen[0][0] == 0.75).all()
    torch.testing.assert_close(plan[2, 1], torch.tensor(0.75), atol=1e-3, rtol=0)


def test_a_single_bound_leaves_the_other_side_free(generator):
    plan = bounded(low=0.0, candidates=200).plan(quadratic, torch.zeros(3, 2), generator)
    assert plan.min() >= 0
    assert plan.max() > 1


def test_every_round_tells_the_cost_of_its_best_candidate(generator):
    planner, costs = bounded(), []

    def cost(plans):
        costs.append(quadratic(plans))
        return costs[-1]

    noises = torch.randn((5, 64, 3, 2), generator=generator)
    rounds = list(planner.search(cost, torch.zeros(3, 2), noises))
    assert [refit.best_cost for refit in rounds] == [values.min() for values in costs]


def test_bounds_that_leave_no_room_are_refused():
    with pytest.raises(ValueError, match=r"low = 1.0 is not below high = 0.5"):
        bounded(low=1.0, high=0.5)
