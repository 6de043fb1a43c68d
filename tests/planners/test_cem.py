"""CEM fits a Gaussian to its elites, round after round; its golden numbers are in tools/parity."""

from dataclasses import replace

import pytest
import torch
from helpers import default

from pipeline.planners import PLANNERS
from pipeline.testing.planners import continuous


def build(**changes):
    module, options = default(
        PLANNERS,
        "cem",
        **{"candidates": 64, "elites": 8, "rounds": 5, "noise_exponent": 0.0, **changes},
    )
    return module.build(options)


def test_candidates_are_cut_to_the_bounds():
    tried, problem = [], continuous()

    def cost(candidates):
        tried.append(candidates)
        return problem.cost(candidates)

    bounds = torch.full((2,), -0.5), torch.full((2,), 0.75)
    build().plan(replace(problem, cost=cost, low=bounds[0], high=bounds[1]))
    candidates = torch.cat(tried, 1)
    assert (candidates.min(), candidates.max()) == (-0.5, 0.75)


def test_every_round_begins_with_the_mean_of_the_last():
    tried, problem = [], continuous()

    def cost(plans):
        tried.append(plans)
        return problem.cost(plans)

    noises = [problem.normal(64) for _ in range(5)]
    rounds = list(build().search(replace(problem, cost=cost), noises))
    for result, following in zip(rounds, tried[1:], strict=False):
        assert torch.equal(following[:, 0], result.mean)
    for result, plans in zip(rounds, tried, strict=True):
        assert torch.equal(result.best.costs[:, 0], problem.cost(plans).amin(1))


def test_the_result_is_the_last_mean_or_the_cheapest_sequence():
    mean = build(result="mean").plan(continuous())
    best = build(result="best").plan(continuous())
    *_, last = build().search(problem := continuous(), (problem.normal(64) for _ in range(5)))
    assert torch.equal(mean.plans, last.mean)
    assert torch.equal(mean.costs, best.costs[:-1])
    assert torch.equal(continuous().cost(best.plans[:, None])[:, 0], best.costs.amin(0))


@pytest.mark.parametrize("name", ["cem", "icem", "mppi", "categorical"])
def test_more_elites_than_candidates_are_refused(name):
    with pytest.raises(ValueError, match="elites = 40 exceeds candidates = 30"):
        default(PLANNERS, name, candidates=30, elites=40)
