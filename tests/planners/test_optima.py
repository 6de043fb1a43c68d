"""Planners find minima that are known: within the tolerance, for each of five seeds."""

from functools import cache

import pytest
from helpers import member_of

from pipeline.planners import PLANNERS
from pipeline.tools.bench.planner_effort import fitted, searched
from pipeline.tools.bench.planner_worlds import WORLDS, excess

EVALUATIONS = 4096
SEEDS = 5
TOLERANCES = {
    ("quadratic", "cem"): 0.02,
    ("quadratic", "icem"): 0.02,
    ("quadratic", "mppi"): 0.02,
    ("quadratic", "gradient"): 0.02,
    ("double integrator", "cem"): 0.01,
    ("double integrator", "icem"): 0.01,
    ("double integrator", "mppi"): 0.01,
    ("double integrator", "gradient"): 0.01,
    ("double integrator", "random_shooting"): 0.1,
    ("door", "cem"): 0.002,
    ("door", "icem"): 0.002,
    ("door", "mppi"): 0.002,
    ("door", "gradient"): 0.002,
    ("door", "random_shooting"): 0.1,
    ("grid", "categorical"): 0.0,
    ("grid", "random_shooting"): 0.0,
}
"""Cost above the minimum, as a share of what zeros cost above it. Random shooting is left out in
twenty dimensions, where it goes half of the way in 9,000 evaluations."""


@cache
def found(world, planner):
    built = WORLDS[world]()
    refined = {"rounds": 4} if planner == "icem" else {}  # params.yaml has two
    member = fitted(member_of(PLANNERS, planner, **refined), built, EVALUATIONS)
    solution, spent = searched(member, built, SEEDS)
    assert 0.9 * EVALUATIONS < spent < 1.1 * EVALUATIONS
    return excess(built, solution.plans)


@pytest.mark.parametrize(("world", "planner"), TOLERANCES)
def test_a_known_minimum_is_found(world, planner):
    values = found(world, planner)
    assert values.min() >= -1e-4  # no plan is better than the best
    assert values.max() <= TOLERANCES[world, planner]
