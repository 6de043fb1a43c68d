"""Every planner keeps the promises of `pipeline.planners.Planner`."""

import pytest
from helpers import every, member_of

from pipeline.planners import PLANNERS
from pipeline.testing.planners import PlannerTests


class TestEveryPlanner(PlannerTests):
    @pytest.fixture(scope="class", params=every(PLANNERS))
    @classmethod
    def member(cls, request):
        return member_of(PLANNERS, request.param)
