"""What sets each search apart: which candidates it tries, and what it makes of their costs."""

from dataclasses import replace

import pytest
import torch
from helpers import member_of

from pipeline.planners import PLANNERS
from pipeline.planners._shared.candidates import ranked
from pipeline.planners.mppi import weighted
from pipeline.testing.planners import continuous, discrete


def searched(name, problem, **options):
    """The solution, and the candidates of each evaluation."""
    tried = []

    def cost(plans):
        tried.append(plans.detach().clone())
        return problem.cost(plans)

    member = member_of(PLANNERS, name, **options)
    return member.build().plan(replace(problem, cost=cost)), tried


def test_icem_draws_fewer_in_each_round_but_twice_the_elites():
    _, tried = searched(
        "icem", continuous(), candidates=20, elites=4, rounds=5, decay=1.5, momentum=0.0
    )
    assert [plans.shape[1] for plans in tried] == [20, 13, 8, 8, 8]


def test_icem_does_not_evaluate_what_it_keeps_again():
    solution, tried = searched("icem", continuous(), candidates=12, elites=3, rounds=4, kept=2)
    costs = solution.costs
    assert (costs[1:] <= costs[:-1]).all()
    every = torch.cat(tried, 1).flatten(2)
    assert all(len(plans.unique(dim=0)) == len(plans) for plans in every)


def test_mppi_weighs_candidates_by_their_costs():
    plans = torch.tensor([0.0, 1.0, 4.0]).reshape(1, 3, 1, 1)
    costs = torch.tensor([[1.0, 2.0, 5.0]])
    options = member_of(PLANNERS, "mppi", temperature=0.5).options
    mean, std = weighted(ranked(plans, costs), options)
    weights = torch.exp(-(costs[0] - 1) / (0.5 * costs.std()))
    weights /= weights.sum()
    expected = float((weights * plans.flatten()).sum())
    assert float(mean) == pytest.approx(expected)
    variance = (weights * (plans.flatten() - expected) ** 2).sum()
    assert float(std) == pytest.approx(float(variance.sqrt()))


def test_mppi_is_blind_to_the_scale_of_costs():
    problem = continuous()
    scaled = replace(continuous(), cost=lambda plans: 1000 * problem.cost(plans) + 5)
    first, second = (searched("mppi", each)[0] for each in (problem, scaled))
    torch.testing.assert_close(first.plans, second.plans, atol=1e-3, rtol=0)


def test_gradient_takes_the_steps_of_adam():
    problem = continuous()
    _, tried = searched("gradient", problem, starts=2, steps=2, learning_rate=0.1)
    assert torch.equal(tried[0][:, 0], torch.zeros(3, 3, 2))
    starts = tried[0].clone().requires_grad_()
    problem.cost(starts).sum().backward()
    # Adam's first step is the learning rate in the direction of the gradient's sign.
    torch.testing.assert_close(tried[1], tried[0] - 0.1 * starts.grad.sign(), atol=1e-5, rtol=0)
    assert [plans.shape[1] for plans in tried] == [2, 2, 2]


def test_gradient_leaves_the_gradients_of_a_model_alone():
    weight = torch.ones(2, requires_grad=True)
    problem = replace(continuous(), cost=lambda plans: (plans * weight).square().sum((2, 3)))
    searched("gradient", problem)
    assert weight.grad is None


def test_categorical_draws_by_the_probabilities_of_its_elites():
    _, tried = searched("categorical", discrete(), candidates=400, elites=1, rounds=2, momentum=0.5)
    best = discrete().cost(tried[0]).argmin(1)
    for row, number in enumerate(best):
        agree = (tried[1][row] == tried[0][row, number]).float().mean()
        # Half of the probability is that of the elite, half even among four.
        assert float(agree) == pytest.approx(0.5 + 0.5 / 4, abs=0.03)
