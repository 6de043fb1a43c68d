"""Planners of every kind keep the suite's promises, and one that breaks a promise fails it."""

from types import SimpleNamespace

import pytest
import torch

from pipeline.params import Params, Variant
from pipeline.planners import Solution
from pipeline.testing import planners
from pipeline.testing.planners import PlannerTests


class NoOptions(Params):
    """Nothing to choose."""


def member_that_builds(planner):
    module = SimpleNamespace(Options=NoOptions, build=lambda options: planner)
    return Variant("mine", module, NoOptions())


def cheapest(problem, candidates):
    costs, best = problem.cost(candidates).min(1)
    return Solution(candidates[torch.arange(len(best)), best], costs[None])


class RandomShooting:
    def plan(self, problem):
        drawn = problem.bounded(problem.initial[:, :1] + problem.normal(32))
        return cheapest(problem, torch.cat([problem.initial, drawn], 1))


class CoordinateDescent:
    """Tries steps along one number of the plan after another."""

    def plan(self, problem):
        solution = cheapest(problem, problem.initial)
        for step in torch.eye(solution.plans[0].numel()).unflatten(1, solution.plans.shape[1:]):
            steps = torch.tensor([0.0, -0.5, 0.5])[:, None, None] * step
            solution = cheapest(problem, problem.bounded(solution.plans[:, None] + steps))
        return solution


class TestOtherPlanners(PlannerTests):
    @pytest.fixture(scope="class", params=[RandomShooting, CoordinateDescent])
    @classmethod
    def member(cls, request):
        return member_that_builds(request.param())


class Unseeded(RandomShooting):
    def plan(self, problem):
        return cheapest(problem, torch.randn(3, 64, *problem.initial.shape[2:]))


class Lazy:
    def plan(self, problem):
        return cheapest(problem, problem.initial[:, :1])


class Careless(RandomShooting):
    def plan(self, problem):
        problem.initial.add_(1)
        return super().plan(problem)


class Boundless:
    def plan(self, problem):
        return cheapest(problem, torch.cat([problem.initial, 9 + problem.normal(4)], 1))


class Sociable(RandomShooting):
    """Draws more for an episode the more there are."""

    def plan(self, problem):
        problem.normal(len(problem.initial))
        return super().plan(problem)


class Boastful(RandomShooting):
    def plan(self, problem):
        solution = super().plan(problem)
        return Solution(solution.plans, solution.costs - 1)


PROMISES = {
    "every_draw_comes_from_the_generators": Unseeded(),
    "the_same_generators_give_the_same_plans": Unseeded(),
    "what_was_given_is_not_written_to": Careless(),
    "a_minimum_that_is_proposed_is_found": Lazy(),
    "candidates_and_plans_keep_to_the_actions_allowed": Boundless(),
    "the_plan_of_an_episode_depends_on_no_other": Sociable(),
    "costs_are_the_lowest_that_the_cost_returned": Boastful(),
}


@pytest.mark.parametrize(("promise", "planner"), PROMISES.items())
def test_a_planner_that_breaks_a_promise_fails(promise, planner):
    with pytest.raises(AssertionError):
        getattr(PlannerTests, f"test_{promise}")(PlannerTests(), planner, planners.continuous())


def test_a_planner_that_does_not_search_fails():
    with pytest.raises(AssertionError):
        PlannerTests().test_a_plan_costs_less_than_a_start_far_from_the_minimum(
            Lazy(), planners.continuous(), 0
        )
