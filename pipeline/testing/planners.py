"""Conformance of a planner; see `pipeline.planners.Planner`."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pipeline.errors import ParamsError
from pipeline.families import Module
from pipeline.params import Params, Variant
from pipeline.planners import PLANNERS, Cost, Planner, Problem
from pipeline.testing.member import MemberTests

Member = Variant[Module[Planner, Params], Params]

TARGETS = torch.tensor(
    [
        [[0.5, -0.25], [-1.0, 0.0], [0.0, 1.5]],
        [[-0.5, 1.0], [0.75, 0.25], [1.25, -0.5]],
        [[1.0, 1.0], [-0.25, -0.75], [0.5, 0.0]],
    ]
)
"""Best sequences [B, H, A] of three episodes."""
CHOICES = torch.tensor([[-1.0], [0.0], [0.5], [1.0]])
"""Actions [K, 1] of the discrete problem; two make one of its actions."""
BEST_CHOICES = torch.tensor(
    [
        [[0.5, -1.0], [-1.0, 0.0], [0.0, 1.0]],
        [[-1.0, 1.0], [1.0, 0.5], [1.0, -1.0]],
        [[1.0, 1.0], [0.0, -1.0], [0.5, 0.0]],
    ]
)
"""Best sequences of three episodes among CHOICES."""


class PlannerTests(MemberTests):
    """The promises of a Planner, on costs with a known minimum.

    How near it comes to the minimum depends on its effort, so no test asks for more than progress,
    save that the minimum is found where it is proposed. A planner that refuses continuous actions
    by a `ParamsError` is tested on discrete ones; one that takes both can be tested on those too,
    in a subclass whose fixture `problem` returns `discrete()`.
    """

    family = PLANNERS

    @pytest.fixture
    def planner(self, member: Member) -> Planner:
        """The planner."""
        return member.build()

    @pytest.fixture
    def problem(self, planner: Planner) -> Problem:
        """Three episodes of three actions of two numbers: discrete if it refuses others."""
        return discrete() if refuses(planner, continuous()) else continuous()

    def test_a_plan_for_each_episode_is_as_long_as_what_was_given(
        self, planner: Planner, problem: Problem
    ) -> None:
        solution = planner.plan(problem)
        assert solution.plans.shape == (3, 3, 2)
        assert solution.plans.dtype == torch.float32
        assert solution.plans.isfinite().all()
        assert not solution.plans.requires_grad

    @pytest.mark.parametrize("seed", range(3))
    def test_a_plan_costs_less_than_a_start_far_from_the_minimum(
        self, planner: Planner, problem: Problem, seed: int
    ) -> None:
        start = -problem.initial.new_ones(problem.initial.shape)
        solution = planner.plan(replace(problem, initial=start, generators=seeded(seed)))
        assert (cost_of(problem, solution.plans) < cost_of(problem, start[:, 0])).all()

    def test_a_minimum_that_is_proposed_is_found(self, planner: Planner, problem: Problem) -> None:
        best = TARGETS if problem.choices is None else BEST_CHOICES
        initial = torch.cat([problem.initial, best.flip(0)[:, None], best[:, None]], 1)
        solution = planner.plan(replace(problem, initial=initial))
        torch.testing.assert_close(solution.plans, best, atol=1e-5, rtol=0)

    def test_a_warm_start_at_the_minimum_is_kept(self, planner: Planner, problem: Problem) -> None:
        best = TARGETS if problem.choices is None else BEST_CHOICES
        solution = planner.plan(replace(problem, initial=best[:, None]))
        torch.testing.assert_close(solution.plans, best, atol=1e-5, rtol=0)

    def test_costs_are_the_lowest_that_the_cost_returned(
        self, planner: Planner, problem: Problem
    ) -> None:
        returned: list[Tensor] = []

        def cost(plans: Tensor) -> Tensor:
            returned.append(problem.cost(plans))
            return returned[-1]

        costs = planner.plan(replace(problem, cost=cost)).costs
        assert costs.ndim == 2
        assert len(costs)
        assert costs.shape[1] == 3
        assert not costs.requires_grad
        every = torch.cat(returned, 1).detach()  # [B, all that were tried]
        assert torch.equal(costs.amin(0), every.amin(1))
        for row, values in zip(costs.T, every, strict=True):
            assert torch.isin(row, values).all()

    def test_the_plan_of_an_episode_depends_on_no_other(
        self, planner: Planner, problem: Problem
    ) -> None:
        together = planner.plan(problem).plans
        for row in range(3):
            alone = planner.plan(only(problem, row)).plans[0]
            torch.testing.assert_close(alone, together[row], atol=1e-5, rtol=0)

    def test_the_same_generators_give_the_same_plans(
        self, planner: Planner, problem: Problem
    ) -> None:
        first, second = (planner.plan(replace(problem, generators=seeded(5))) for _ in range(2))
        assert torch.equal(first.plans, second.plans)
        assert torch.equal(first.costs, second.costs)

    def test_every_draw_comes_from_the_generators(self, planner: Planner, problem: Problem) -> None:
        before = torch.get_rng_state()
        planner.plan(problem)
        assert torch.equal(before, torch.get_rng_state())

    def test_candidates_and_plans_keep_to_the_actions_allowed(
        self, planner: Planner, problem: Problem
    ) -> None:
        low, high = torch.tensor([-0.25, -math.inf]), torch.tensor([0.5, 0.125])

        def check(plans: Tensor) -> None:
            if problem.choices is None:
                assert (plans >= low).all()
                assert (plans <= high).all()
            else:
                assert torch.isin(plans, problem.choices).all()

        def cost(plans: Tensor) -> Tensor:
            assert plans.shape[0] == 3
            assert plans.shape[2:] == (3, 2)
            check(plans.detach())
            return problem.cost(plans)

        check(planner.plan(replace(problem, cost=cost, low=low, high=high)).plans)

    def test_what_was_given_is_not_written_to(self, planner: Planner, problem: Problem) -> None:
        initial = problem.initial.clone()
        planner.plan(problem)
        assert torch.equal(problem.initial, initial)

    def test_a_cost_that_prefers_nothing_leaves_the_plan_finite(
        self, planner: Planner, problem: Problem
    ) -> None:
        flat = replace(problem, cost=lambda plans: 0 * plans.sum((2, 3)))
        assert planner.plan(flat).plans.isfinite().all()

    def test_a_single_action_can_be_planned(self, planner: Planner, problem: Problem) -> None:
        single = replace(problem, initial=problem.initial[:, :, :1])
        best = (TARGETS if problem.choices is None else BEST_CHOICES)[:, :1]
        start = single.initial[:, 0]
        solution = planner.plan(replace(single, cost=squared_distance(best)))
        costs = [squared_distance(best)(plans[:, None]) for plans in (solution.plans, start)]
        assert (costs[0] < costs[1]).all()

    def test_a_search_works_in_inference_mode(self, planner: Planner, problem: Problem) -> None:
        outside = planner.plan(replace(problem, generators=seeded(1)))
        with torch.inference_mode():
            inside = planner.plan(replace(problem, generators=seeded(1)))
        assert torch.equal(outside.plans, inside.plans)


def continuous() -> Problem:
    """Squared distances from TARGETS, unbounded."""
    unbounded = torch.full((2,), math.inf)
    return Problem(
        squared_distance(TARGETS), torch.zeros(3, 1, 3, 2), seeded(0), -unbounded, unbounded
    )


def discrete() -> Problem:
    """Squared distances from BEST_CHOICES, two of CHOICES an action."""
    return replace(continuous(), cost=squared_distance(BEST_CHOICES), choices=CHOICES)


def squared_distance(targets: Tensor) -> Cost:
    """The cost of sequences [B, N, H, A]: their squared distance from the targets [B, H, A]."""
    return lambda plans: (plans - targets[:, None]).square().sum((2, 3))


def cost_of(problem: Problem, plans: Tensor) -> Tensor:
    """Costs [B] of one sequence [H, A] for each episode."""
    return problem.cost(plans[:, None])[:, 0]


def only(problem: Problem, row: int) -> Problem:
    """The problem of one of its episodes."""
    best = (TARGETS if problem.choices is None else BEST_CHOICES)[row : row + 1]
    return replace(
        problem,
        cost=squared_distance(best),
        initial=problem.initial[row : row + 1],
        generators=seeded(0)[row : row + 1],
    )


def refuses(planner: Planner, problem: Problem) -> bool:
    """Whether a planner cannot search among the actions of a problem."""
    try:
        planner.plan(problem)
    except ParamsError:
        return True
    return False


def seeded(seed: int) -> list[torch.Generator]:
    """A generator for each of three episodes."""
    return [torch.Generator().manual_seed(100 * seed + row) for row in range(3)]
