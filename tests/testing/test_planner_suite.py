"""Planners of every kind keep the suite's promises, and one that breaks a promise fails it."""

from types import SimpleNamespace

import pytest
import torch

from pipeline.params import Params, Variant
from pipeline.testing.planners import PlannerTests


class NoOptions(Params):
    """Nothing to choose."""


def member_that_builds(planner):
    module = SimpleNamespace(Options=NoOptions, build=lambda options: planner)
    return Variant("mine", module, NoOptions())


class RandomShooting:
    def plan(self, cost, start, generator):
        candidates = start + torch.randn((32, *start.shape), generator=generator)
        return candidates[cost(candidates).argmin()]


class PathIntegral:
    """MPPI (Williams et al. 2017): the mean of all candidates, weighed by exp(-cost)."""

    def plan(self, cost, start, generator):
        for _ in range(4):
            candidates = start + 0.5 * torch.randn((64, *start.shape), generator=generator)
            weights = (-cost(candidates)).softmax(0)
            start = (weights[:, None, None] * candidates).sum(0)
        return start


class GradientDescent:
    def plan(self, cost, start, generator):
        plan = start.clone()[None].requires_grad_()
        for _ in range(10):
            (gradient,) = torch.autograd.grad(cost(plan).sum(), plan)
            plan = (plan - 0.1 * gradient).detach().requires_grad_()
        return plan[0].detach()


class TestOtherPlanners(PlannerTests):
    @pytest.fixture(scope="class", params=[RandomShooting, PathIntegral, GradientDescent])
    @classmethod
    def member(cls, request):
        return member_that_builds(request.param())


class Unseeded(RandomShooting):
    def plan(self, cost, start, generator):
        return super().plan(cost, start, torch.default_generator)


class Lazy:
    def plan(self, cost, start, generator):
        return start


class Careless(GradientDescent):
    def plan(self, cost, start, generator):
        start += 1
        return super().plan(cost, start, generator)


class Wasteful:
    """Draws so widely that plans are infinite."""

    def plan(self, cost, start, generator):
        cost(start[None] / 0)
        return start


@pytest.mark.parametrize(
    ("planner", "promise"),
    [
        (Unseeded(), PlannerTests.test_every_draw_comes_from_the_generator),
        (Unseeded(), PlannerTests.test_the_same_generator_gives_the_same_plan),
        (Careless(), PlannerTests.test_the_start_is_not_written_to),
        (Wasteful(), PlannerTests.test_costs_are_asked_of_finite_plans_as_long_as_the_start),
    ],
)
def test_a_planner_that_breaks_a_promise_fails(planner, promise):
    with pytest.raises(AssertionError):
        promise(PlannerTests(), planner)


def test_a_planner_that_does_not_search_fails():
    with pytest.raises(AssertionError):
        PlannerTests().test_a_plan_costs_less_than_a_start_far_from_the_minimum(Lazy(), 0)
