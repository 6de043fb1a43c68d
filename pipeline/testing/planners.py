"""Conformance of a planner; see `pipeline.planners.Planner`."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pipeline.families import Module
from pipeline.params import Params, Variant
from pipeline.planners import PLANNERS, Planner, Problem
from pipeline.testing.member import MemberTests

Member = Variant[Module[Planner, Params], Params]

TARGET = torch.tensor([[0.5, -0.25], [-1.0, 0.0], [0.0, 1.5]])


class PlannerTests(MemberTests):
    """The promises of a Planner, on costs with a known minimum.

    How near it comes to the minimum depends on its effort, so no test asks for more than progress.
    """

    family = PLANNERS

    @pytest.fixture
    def planner(self, member: Member) -> Planner:
        """The planner."""
        return member.build()

    def test_a_plan_is_as_long_as_the_start(self, planner: Planner) -> None:
        plan = searched(planner, squared_distance, torch.zeros(3, 2), 0)
        assert plan.shape == (3, 2)
        assert plan.dtype == torch.float32
        assert plan.isfinite().all()
        assert not plan.requires_grad

    @pytest.mark.parametrize("seed", range(3))
    def test_a_plan_costs_less_than_a_start_far_from_the_minimum(
        self, planner: Planner, seed: int
    ) -> None:
        start = TARGET.flip(0) * -1
        plan = searched(planner, squared_distance, start, seed)
        assert squared_distance(plan[None]) < squared_distance(start[None])

    def test_a_single_action_of_a_single_number_can_be_planned(self, planner: Planner) -> None:
        def cost(plans: Tensor) -> Tensor:
            return (plans - 1).square().sum((1, 2))

        plan = searched(planner, cost, torch.full((1, 1), -1.0), 0)
        assert cost(plan[None]) < 4

    def test_the_same_generator_gives_the_same_plan(self, planner: Planner) -> None:
        first, second = (
            searched(planner, squared_distance, torch.zeros(3, 2), 5) for _ in range(2)
        )
        assert torch.equal(first, second)

    def test_every_draw_comes_from_the_generator(self, planner: Planner) -> None:
        before = torch.get_rng_state()
        searched(planner, squared_distance, torch.zeros(3, 2), 0)
        assert torch.equal(before, torch.get_rng_state())

    def test_costs_are_asked_of_finite_plans_as_long_as_the_start(self, planner: Planner) -> None:
        def cost(plans: Tensor) -> Tensor:
            assert plans.ndim == 3
            assert plans.shape[1:] == (4, 3)
            assert plans.isfinite().all()
            return plans.square().sum((1, 2))

        searched(planner, cost, torch.ones(4, 3), 0)

    def test_the_start_is_not_written_to(self, planner: Planner) -> None:
        start = torch.full((3, 2), 0.5)
        searched(planner, squared_distance, start, 0)
        assert (start == 0.5).all()

    def test_a_cost_that_prefers_nothing_leaves_the_plan_finite(self, planner: Planner) -> None:
        def cost(plans: Tensor) -> Tensor:
            return 0 * plans.sum((1, 2))

        assert searched(planner, cost, torch.zeros(3, 2), 0).isfinite().all()


def squared_distance(plans: Tensor) -> Tensor:
    """Squared distance [N] of plans [N, 3, 2] from TARGET."""
    return (plans - TARGET).square().sum((1, 2))


def searched(
    planner: Planner, cost: Callable[[Tensor], Tensor], start: Tensor, seed: int
) -> Tensor:
    """The plan [H, A] found from a start [H, A], for a cost [N, H, A] -> [N]."""
    unbounded = torch.full(start.shape[-1:], torch.inf)
    problem = Problem(
        lambda plans: cost(plans[0])[None], start[None, None], [seeded(seed)], -unbounded, unbounded
    )
    return planner.plan(problem).plans[0]


def seeded(seed: int) -> torch.Generator:
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)
