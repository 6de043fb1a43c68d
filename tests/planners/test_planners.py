"""Every planner keeps the promises of `pipeline.planners.Planner`."""

from dataclasses import replace

import pytest
from helpers import every, member_of

from pipeline.errors import ParamsError
from pipeline.planners import PLANNERS
from pipeline.testing.planners import CHOICES, PlannerTests, continuous, discrete


class TestEveryPlanner(PlannerTests):
    @pytest.fixture(scope="class", params=every(PLANNERS))
    @classmethod
    def member(cls, request):
        return member_of(PLANNERS, request.param)


class TestRandomShootingOfDiscreteActions(PlannerTests):
    @pytest.fixture(scope="class")
    @classmethod
    def member(cls):
        return member_of(PLANNERS, "random_shooting")

    @pytest.fixture
    def problem(self):
        return discrete()


@pytest.mark.parametrize("name", ["cem", "icem", "mppi", "gradient"])
def test_discrete_actions_are_refused_in_one_line(name):
    message = f"planner = '{name}' searches among continuous actions, but there are only 4 actions"
    with pytest.raises(ParamsError, match=message):
        member_of(PLANNERS, name).build().plan(discrete())


def test_continuous_actions_are_refused_in_one_line():
    message = "planner = 'categorical' chooses among discrete actions, but those here are contin"
    with pytest.raises(ParamsError, match=message):
        member_of(PLANNERS, "categorical").build().plan(continuous())


@pytest.mark.parametrize("name", ["categorical", "random_shooting"])
def test_what_is_proposed_is_tried_as_the_nearest_choices(name):
    tried, problem = [], discrete()

    def cost(plans):
        tried.append(plans)
        return problem.cost(plans)

    near = CHOICES[[0, 3, 2, 1, 1, 0], 0].reshape(1, 1, 3, 2) + 0.1
    initial = near.expand(3, 1, 3, 2)
    member_of(PLANNERS, name).build().plan(replace(problem, cost=cost, initial=initial))
    assert (tried[0][:, 0] - (near[0] - 0.1)).abs().max() < 1e-6
